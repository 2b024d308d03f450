# Cards of running jobs, galleries, their buttons and forms; a member's lists.

## Cards

# `picture`: the number of its source picture. `supplied`: pictures that the member sent. `blended`: those that one is the mean of.
gallery-head = { $prompt } · <@{ ID($member) }>{ $picture ->
    [none] { $blended ->
        [0] { $supplied ->
            [0] { "" }
            [one] { " " }· { $action ->
                [variation] variations of
                [edit] edited from
               *[other] from
            } a supplied { $control ->
                [none] picture
                [scribble] scribble
                [edges] picture's edges
                [depth] picture's depths
               *[pose] picture's pose
            }
           *[other] { " " }· { $action ->
                [edit] edited from
               *[other] from
            } { $supplied } supplied pictures
        }
       *[other] { " " }· a blend of { $blended } supplied pictures
    }{ $action ->
        [reroll] { " " }· re-roll
       *[other] { "" }
    }
   *[other] { $action ->
        [variation] { " " }· variations of picture { $picture }
        [remix] { " " }· remixed from picture { $picture }
        [edit] { " " }· edited from picture { $picture }{ $supplied ->
            [0] { "" }
            [one] { " " }and a supplied picture
           *[other] { " " }and { $supplied } supplied pictures
        }
        [upscale] { " " }· picture { $picture }, upscaled
        [creative] { " " }· picture { $picture }, upscaled with new details
        [region] { " " }· a region of picture { $picture }, drawn anew
        [zoom] { " " }· picture { $picture }, zoomed out
        [pan] { " " }· picture { $picture }, panned
        [square] { " " }· picture { $picture }, made square
        [reroll] { " " }· re-roll
       *[other] { "" }
    }
}
# What the bot left out of the prompt, or read in its own way. `names`: parameters, as `--v`.
gallery-note = -# { $kind ->
    [ignored] { $names } { $count ->
        [one] means
       *[other] mean
    } nothing here and { $count ->
        [one] was
       *[other] were
    } left out.
    [one-dash] Read with two dashes: { $names }.
    [unused] This model ignores { $names }.
    [drawn] Drawn as: { $names }.
    [drawn-partly] Drawn as: { $names }. This model does not know the other words.
    [unweighted] It is drawn without weights.
    [clamped] { $names } was beyond its range. The limit { $limit } is used.
    [ground] A plain colour stands for the scene ({ $names }): this model draws none.
    [real-person] Shows a real person.
    [flagged] A moderator will look at this: { $names }.
    [style-picture] This model can't use the style's picture: its words and LoRAs count.
    [defaults] Left out of your own defaults, because it can't be used here: { $names }.
    [loras] LoRAs of the file that are not here were left out: { $names }.
    [weights] This model does not weigh words. Brackets and weights were left out.
    [breaks] This model does not know `BREAK`, which was left out.
   *[links] Links are not opened and were left out. A file with a prompt goes into the option `file`.
}
# Tokens are the model's own: words, and parts of words.
gallery-note-cut = -# The model read the first { $read } of { $tokens } tokens (words and parts of words) of the { $is_negative ->
    [yes] negative prompt
   *[no] prompt
}.
gallery-foot = -# seed { ID($seed) } · { $model }{ $licence ->
    [none] { "" }
   *[other] { " " }({ $licence })
} · { ID($width) }×{ ID($height) }{ $action ->
    [upscale] { "" }
   *[other] { " " }· { $steps ->
        [one] { ID($steps) } step
       *[other] { ID($steps) } steps
    }{ $guidance ->
        [none] { "" }
       *[other] { " " }· cfg { $guidance }
    }{ $scheduler ->
        [none] { "" }
       *[other] { " " }· { $scheduler }
    }{ $loras ->
        [none] { "" }
       *[other] { " " }· { $loras }
    }{ $kind ->
        [none] { "" }
       *[other] { " " }· { sketch-choice } { $strength }
    }
}{ $has_negative ->
    [yes] { " " }· no { PLAIN($negative, limit: 200) }
   *[no] { "" }
} · { case-job }
# What a picture of /sketch follows; also the choices of its option `kind`.
sketch-choice = { $kind ->
    [scribble] scribble
    [edges] edges
    [depth] depth
   *[pose] pose
}
gallery-lora = LoRA { $name } { $weight }
gallery-withheld = { $count ->
    [one] One picture of { $of } showed content that is not allowed here. It is left out and not charged.
   *[other] { $count } pictures of { $of } showed content that is not allowed here. They are left out and not charged.
}
gallery-preview = preview
gallery-cancelled = { $charged ->
    [0] Cancelled. { nothing-charged }
    [one] Cancelled. What was drawn until then is charged: { $charged } picture of { $of }.
   *[other] Cancelled. What was drawn until then is charged: { $charged } pictures of { $of }.
}
gallery-kept = -# { case-job }
gallery-kept-until-room = The bot's disk is full. The job is kept, and continues when there is room again.

## Progress

gallery-loading = The model is loading. Your pictures come as soon as it is ready.
# Of the model's files. `done` and `total`: in GB if `is_large`, otherwise in MB.
gallery-downloading = Downloading the model: { $is_large ->
    [yes] { NUMBER($done, minimumFractionDigits: 1, maximumFractionDigits: 1) } of { NUMBER($total, minimumFractionDigits: 1, maximumFractionDigits: 1) } GB
   *[no] { NUMBER($done, maximumFractionDigits: 0) } of { NUMBER($total, maximumFractionDigits: 0) } MB
}. Your pictures come afterwards.
gallery-waiting = { $place ->
    [1] Next in the queue{ gallery-to-go }
   *[other] Place { ID($place) } in the queue{ gallery-to-go }
}
gallery-running = `{ $bar }` { NUMBER($share, style: "percent") }{ gallery-to-go }
gallery-to-go = { $seconds ->
    [none] { "" }
   *[other] , about { WAIT($seconds) } to go
}

## Buttons

gallery-upscale = U{ $picture }
gallery-vary = V{ $picture }
gallery-remix = Remix
# Under a single picture.
gallery-on = { $press ->
    [subtle] Vary subtle
    [strong] Vary strong
    [region] Vary region
    [up2] Upscale 2×
    [up4] Upscale 4×
    [creative] Upscale creative
    [zoom15] Zoom out 1.5×
    [zoom20] Zoom out 2×
   *[square] Make square
}
gallery-cancel = Cancel
gallery-ping = Ping me
gallery-ping-set = { $is_on ->
    [yes] You are mentioned here when this job ends. Press again to undo it.
   *[no] You are not mentioned when this job ends.
}
# The message that mentions the member.
gallery-pinged = <@{ ID($member) }> { $is_done ->
    [yes] Your pictures are done: { $link }
   *[no] Your job ended without pictures: { $link }
}
gallery-send = Send to my DMs
gallery-sent = Sent to your direct messages.
gallery-try-again = Try again
page-newest = Newest
page-older = Older
gallery-delete-again = Press 🗑️ again within { $seconds } seconds to delete these pictures.
# The reason that is stored with deleted pictures.
gallery-deleted = deleted with the button

## The form behind ✏️

remix-title = Remix
remix-prompt = What the picture shows
    .hint = --ar 3:2 --seed 7 --steps 20 … work in here as in /imagine
remix-negative = What it should not show
remix-start = Start from
remix-picture = Picture { $picture }
remix-scheduler = Scheduler
remix-change = How much may change
remix-choice = { $change ->
    [details] Details, as V does
    [much] Much: the words count, and the layout stays
   *[most] Nearly all: only a rough outline stays
}

## A region of a picture, and its form

region-numbers = The cells have these numbers. Choose those that are drawn anew; the rest of the picture stays.
region-choose = Choose the cells
region-draw = Draw the region
region-title = Vary a region
region-cells = Cells that are drawn anew
    .hint = By rows: 1 to 3 at the top, 4 to 6 in the middle, 7 to 9 at the bottom
region-cell = { $cell } · { $place ->
    [0] top left
    [1] top
    [2] top right
    [3] left
    [4] middle
    [5] right
    [6] bottom left
    [7] bottom
   *[8] bottom right
}

## The panel of the menu Picture…

panel-title = ### Picture
    -# from [this message]({ $link })
panel-picture = -# Picture { $picture }
panel-press = { $press ->
    [picture-subtle] Vary subtle
    [picture-strong] Vary strong
    [picture-remix] Remix
    [picture-edit] Edit…
    [picture-style] Use as style
    [picture-report] Report
    [picture-remove] Remove
   *[picture-verify] Verify
}
panel-hint = --iw 0 to 3 says how much the picture counts
instruction-title = Edit
instruction-prompt = What should change
    .hint = Such as: make the sky red. --model, --ar and --seed work in here too
instruction-files = Further pictures
    .hint = Name them in the instruction: put the hat of image 2 on the fox of image 1
instruction-picture = Picture
style-form-title = Use as style
style-form-prompt = What the new picture shows
    .hint = --model, --ar and --seed work in here too
gallery-styled = -# In the style of a picture.

## A refused prompt, and its form

edit-button = Edit
edit-title = Edit the prompt
edit-options = -# The form keeps these:

## The question before several orders

several-question = This makes { $orders } orders{ $images ->
    [none] { "" }
    [one] { " " }of { $images } picture
   *[other] { " " }of { $images } pictures
}. They are { $pictures } of the { $left } pictures that you may still make today.
several-fitting = { $count ->
    [one] Only the first order fits now
   *[other] Only the first { $count } orders fit now
}: { $limit ->
    [jobs] at most { $most } of your jobs can be in the queue.
    [minute] the others exceed your images for this minute.
    [day] the others exceed your images for today.
   *[queue] the queue is full then.
}
several-draw = Draw
several-cancel = Cancel
several-taking = { $orders } orders are on their way.
several-taken = { $is_all ->
    [yes] All { $orders } orders are in the queue.
   *[no] { $taken } of { $orders } orders are in the queue. The others were not taken, and cost nothing.
}
several-cancelled = Cancelled. { nothing-charged }

## Ideas

ideas-title = ### Ideas for { $model }
    A button orders its prompt, as `/imagine` does.
ideas-surprise = Surprise me
ideas-more = Other ideas

## Lists

history-none = No pictures yet. `/imagine` makes some.
history-title = ### Your pictures
history-job = -# { $action ->
    [variation] variations
    [remix] remix
    [upscale] upscaled
    [creative] upscaled with new details
    [region] region
    [zoom] zoomed out
    [pan] panned
    [square] made square
    [reroll] re-roll
   *[imagine] imagine
} · { $images ->
    [one] { $images } picture
   *[other] { $images } pictures
} · { $model } · seed { ID($seed) } · { MOMENT($at, style: "R") }{ $is_removed ->
    [yes] { " " }· removed
   *[no] { $link ->
        [none] { "" }
       *[other] { " " }· { case-message }
    }
}
history-repeat = Repeat
history-not-posted = -# It is not in its channel. { history-show } shows it to you here.
history-show = Show
# In a menu of jobs, at most 100 characters. `prompt`: shortened.
show-choice = { $prompt } · { $action ->
    [variation] variations
    [remix] remix
    [upscale] upscaled
    [creative] upscaled with new details
    [region] region
    [zoom] zoomed out
    [pan] panned
    [square] made square
    [reroll] re-roll
   *[imagine] { $images ->
        [one] { $images } picture
       *[other] { $images } pictures
    }
}
queue-none = You have no jobs in the queue. { queue-in-all }.
queue-title = ### Your jobs
    -# { queue-in-all }
queue-in-all = { $waiting } waiting and { $running } running in all
queue-starting = about to start
queue-more = -# and { $count } more
preset-saved = { $is_new ->
    [yes] Saved. { preset-adds }
   *[no] Replaced. { preset-adds }
}
preset-adds = { CODE($name, before: "--preset ") } in a prompt, or the option `preset` of `/imagine`, adds it.
preset-none = You have no presets. `/preset save` makes one.
preset-title = ### Your presets · { $count } of { $most }
preset-deleted = The preset { CODE($name) } is deleted.

## Styles of a server

style-saved = { $version ->
    [1] Saved. { style-adds }
   *[other] Saved as version { ID($version) }. { style-adds }
}
style-adds = { CODE($name, before: "--style ") } in a prompt, or the option `style` of `/imagine`, draws with it.
style-title = ### Styles of this server
style-none = This server has no styles. `/style save` makes one.
style-about = **{ PLAIN($name) }** · version { ID($version) } · <@{ ID($member) }>
style-words = { CODE($words, limit: 500) }
style-loras = -# LoRAs: { CODE($loras, limit: 200) }
style-deleted = The style { CODE($name) } is deleted.{ $is_own ->
    [yes] { "" }
   *[no] { " " }`/mod restore` brings its words and LoRAs back for { SPAN($kept) }.
}

## A member's own defaults

settings-title = ### Your defaults
    -# An /imagine without a picture uses them where it says nothing else. `/settings` changes them; only you see this.
settings-line = - { settings-name }: { $value ->
    [none] —
    [on] yes
    [off] no
    [near] near: details change
    [far] far: only a rough outline stays
   *[other] { CODE($value, limit: 500) }
}
settings-name = { $name ->
    [aspect] aspect
    [images] images
    [model] model
    [scheduler] scheduler
    [suffix] suffix
    [style] style
    [pings] ping
    [vary] V1–V4
   *[remix] Remix
}
settings-saved = Saved.
settings-choice-near = near: details change
settings-choice-far = far: only a rough outline stays
settings-choice-all = all of them

## The bot's presence, the same in every server

presence-idle = /imagine · model { $model }
presence-busy = /imagine · { $busy } in the queue of { $model }
presence-loading = { $model } is loading

## Help

help-title = ### Commands
help-command = `/{ $name }` · { $does }
help-option = - `{ $name }`: { $does }
# The picture's alternative text.
help-picture = /{ $name } in use
help-group = `/help about:{ $name }`
help-more = -# For moderators: { $groups }
