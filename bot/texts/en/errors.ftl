# The reasons that a request is not done: one message for each class of error, found by its name. Variables are the error's attributes.

## Prompts and parameters

error-empty-prompt = There is no prompt. Say what the picture should show, for example `a red apple`.
error-prompt-too-long = { $what ->
    [negative] The negative prompt has { $length } characters; at most { $limit } fit.
    [suffix] The suffix has { $length } characters; at most { $limit } fit.
    [preset] The preset has { $length } characters; at most { $limit } fit.
    [with-preset] The prompt with its preset has { $length } characters; at most { $limit } fit.
    [style] The style's words have { $length } characters; at most { $limit } fit.
    [style-loras] The style's `--lora` has { $length } characters; at most { $limit } fit.
    [with-style] The prompt with its style has { $length } characters; at most { $limit } fit.
    [with-file] The prompt with its file has { $length } characters; at most { $limit } fit.
   *[prompt] The prompt has { $length } characters; at most { $limit } fit.
}
error-unknown-parameter = { $is_near ->
    [yes] There is no parameter { CODE($name, before: "--") }. Did you mean `--{ $nearest }`?
   *[no] There is no parameter { CODE($name, before: "--") }. There are { parameters }.
}
parameters = `--ar`, `--seed`, `--no`, `--steps`, `--cfg`, `--images`, `--model`, `--iw`, `--lora`, `--preset`, `--style` and `--repeat`
error-bad-parameter = { $has_value ->
    [yes] `--{ $name }` can't be { CODE($value) }: it takes { parameter-takes }.
   *[no] `--{ $name }` has no value: it takes { parameter-takes }.
}
parameter-takes = { $option ->
    [aspect] one of 1:1, 3:2, 2:3, 16:9, 9:16, or another width:height up to 3:1
    [seed] a whole number from { ID($low) } to { ID($high) }
    [steps] { $high ->
        [0] a whole number
       *[other] a whole number from { ID($low) } to { ID($high) }
    }
    [repeat] a number of orders from { ID($low) } to { ID($high) }
    [images] { $has_value ->
        [yes] a whole number from { $low } to { $high }
       *[no] 1, 2, 3 or 4
    }
    [guidance] a number from { $low } to { $high }
    [image_weight] how much the picture counts, from { $low } to { $high }
    [negative] what the picture should not show
    [model] the name of a model
    [preset] the name of one of your presets
    [style] the name of a style of this server
    [scheduler] a scheduler's name, such as `Euler a`
    [loras] at most { $high }
   *[lora] a LoRA's name, or a name and a weight from { $low } to { $high }, such as `name:0.8`
}
error-unknown-model = { $is_near ->
    [yes] There is no model { CODE($name) } here. Did you mean `{ $nearest }`?
   *[no] There is no model { CODE($name) } here. `{ $nearest }` is one; the option `model` of `/imagine` lists them all.
}
error-model-cannot = { $what ->
    [text] The model `{ $model }` can't draw from a prompt alone. { $can_start ->
        [yes] It changes pictures: press ✏️ below one and add `--model { $model }` to its prompt.
       *[no] Choose another one with the option `model`.
    }
    [style] The model `{ $model }` can't draw in the style of a picture. { models-that-can }
    [creative] The model `{ $model }` can't draw the details of an enlarged picture anew. Press *Upscale 2×* instead.
    [mask] The model `{ $model }` can't fill in a part of a picture. { models-that-can }
   *[start] The model `{ $model }` can't start from a picture. { models-that-can }
}
models-that-can = { $others ->
    [none] Choose another one with `--model`.
   *[other] These can: { $others }. Choose one with `--model`.
}
error-cannot-edit = { $others ->
    [none] { $largest ->
        [none] No model here can change a picture by an instruction.
       *[other] No model here takes { $count } pictures. The most is { $most }, with { $largest }.
    }
   *[other] The model `{ $model }` can't change { $count ->
        [one] a picture
       *[other] { $count } pictures
    } by an instruction. { models-that-can }
}
error-cannot-sketch = { $others ->
    [none] { $needs_map ->
        [yes] { control-map } Draw it in another program, and send it with `prepared: True`.
       *[no] No model here draws { from-control }. The bot's owner adds one with `[models.controls]` in its configuration.
    }
   *[other] { $needs_map ->
        [yes] { control-map } Send one with `prepared: True`, or choose another model: { $others }.
       *[no] The model `{ $model }` can't draw { from-control }. { models-that-can }
    }
}
control-map = The model `{ $model }` makes no { $kind ->
    [depth] depth map
    [pose] drawing of a pose
   *[other] control map
} of a picture.
from-control = { $kind ->
    [scribble] from a scribble
    [edges] along the edges of a picture
    [depth] with the depths of a picture
    [pose] with the pose of a picture
   *[other] from a control picture
}
error-paid-access = The licence of the model `{ $model }` forbids paid access, and access to this server is paid for. Choose another model with `--model`.
error-unknown-lora = There is no LoRA { CODE($name) } for the model `{ $model }`. { $hint ->
    [elsewhere] The model `{ $elsewhere }` has it: choose that with `--model { $elsewhere }`.
    [near] Did you mean `{ $nearest }`?
    [list] `{ $nearest }` is one; the option `lora` of `/imagine` lists them all.
   *[none] It has none at all.
}
error-unknown-scheduler = { $nearest ->
    [none] The model `{ $model }` has one scheduler, and no other can be chosen.
   *[other] There is no scheduler { CODE($name) } for the model `{ $model }`. The nearest is `{ $nearest }`; the option `scheduler` of `/imagine` lists them all.
}
error-too-many-orders = That prompt makes more than { $limit } orders, the maximum. Put fewer words into braces, or give `--repeat` a lower number.
error-unusable-weights = { $fault ->
    [range] { CODE($written) } at character { ID($column) } of the { $field ->
        [negative] negative prompt
       *[prompt] prompt
    } weighs too much. The weight of words is from -{ $limit } to { $limit }, for example `(fox:1.3)`.
    [parts] { CODE($written) } at character { ID($column) } is one part too many. There may be at most { $limit } parts with weights behind `::` or with `AND` between them.
   *[sum] The weights behind `::` and beside `AND` must add up to more than 0, for example `fox::2 forest::1`. See { CODE($written) } at character { ID($column) }.
}
error-unknown-words = { $words ->
    [none] I draw simple things, and the prompt names none. Nothing was charged. Try one of these, or name a thing.
   *[other] I draw simple things; I don't know { CODE($words) }. Nothing was charged. Try one of these, or other words.
}
error-unknown-command = There is no command { CODE($name, before: "/") } that you may use. `/help` lists yours.
error-unknown-preset = { $nearest ->
    [none] You have no preset { CODE($name) }. `/preset save` makes one.
   *[other] You have no preset { CODE($name) }. Did you mean { CODE($nearest) }? `/preset list` shows them all.
}
error-bad-preset-name = { CODE($name) } can't be a preset's name: it takes one word of at most { $limit } letters, digits, `_` and `-`, and does not begin with `-`.
error-nested-preset = A preset can't contain another preset: write that one's text instead.
error-unknown-style = { $nearest ->
    [none] This server has no style { CODE($name) }. `/style save` makes one.
   *[other] This server has no style { CODE($name) }. Did you mean { CODE($nearest) }? `/style list` shows them all.
}
error-bad-style-name = { CODE($name) } can't be a style's name: it takes one word of at most { $limit } letters, digits, `_` and `-`, and does not begin with `-`.
error-empty-style = There is nothing to save: a style needs words, `--lora` or a picture.
error-style-takes-words = A style takes words and `--lora` alone; `/preset save` keeps other parameters.
error-style-taken = The style { CODE($name) } is another member's. Choose another name.
error-too-many-styles = { $is_own ->
    [yes] You have { $limit } styles in this server already, the maximum. Delete one with `/style delete`.
   *[no] This server has { $limit } styles already, the maximum.
}
error-no-removed-style = No moderator removed a style { CODE($name) } in the last { SPAN($kept) }.
error-style-is-there = Another style is named { CODE($name) } now, so the removed one can't come back.
error-not-your-style = The style { CODE($name) } is another member's. Its owner and the moderators can delete it.
error-empty-suffix = A suffix needs words, parameters such as `--no text`, or both.
error-empty-preset = There is nothing to save: a preset needs words, parameters such as `--ar 3:2`, or both.
error-too-many-presets = You have { $limit } presets already, the maximum. Delete one with `/preset delete`.
error-file-too-large = { $is_picture ->
    [yes] That picture has { SIZE($bytes) }; at most { SIZE($limit) } can be read.
   *[no] That text file has { SIZE($bytes) }; at most { SIZE($limit) } can be read.
}
error-file-unreachable = That file could not be fetched from Discord. Try again.
error-no-prompt-in-file = There is no prompt in that file. I read a text in UTF-8, or a picture with its parameters, such as mine. A grid of four has none; press U1 under it.

## Pictures that members supply

error-unusable-picture = { $fault ->
    [heic] HEIC is not read here. Save the picture as JPEG or PNG and send that.
    [broken] That picture is broken or not complete. Save it again as PNG or JPEG and send that.
    [pixels] That picture has { NUMBER($megapixels, maximumFractionDigits: 1) } megapixels; at most { NUMBER($limit_in_millions, maximumFractionDigits: 0) } can be read. Make it smaller and send that.
    [small] That picture is too small: each side needs at least { $limit } pixels.
    [mixed] That file is a picture and also an archive, a document or a script. Save the picture alone as PNG or JPEG and send that.
   *[unknown] That is no picture that I can read. I read PNG, JPEG, WebP, GIF, AVIF and HEIC.
}
error-too-many-uploads = You can send { $limit } pictures in a minute. Try again in { WAIT($retry_after) }.
error-upload-refused = { $is_banned ->
    [yes] That picture looks like one that the moderators have removed here.
   *[no] That picture shows content that is not allowed here.
} If you think that this is a mistake, ask a moderator. { $is_first ->
    [yes] The first time does not count against you. { nothing-charged }
   *[no] { nothing-charged }
}
error-page-closed = The page on which regions are drawn is switched off. Choose the numbered cells instead.
error-region-not-drawn = I have no region of yours for this picture. Press Draw the region, paint on the page and send it; then press Go on.
error-unusable-mask = { $fault ->
    [alone] A mask needs a picture. Give the option `image` too.
    [empty] Nothing in that mask is white. Paint white what is to be drawn anew.
   *[shape] That mask has other proportions than the picture. Paint it over the picture and send it in the same size.
}

## Refusals

error-prompt-refused = This prompt can't be drawn here: it reads as { $category ->
    [sexual] sexual content
    [minors] minors in a sexual or suggestive context
    [illegal] something illegal
    [real-person] a real person
    [server-rule] something that this server's own rules exclude
   *[other] { server-category }
}{ $where ->
    [prompt] { "" }
    [negative] { " " }(in the negative prompt)
    [picture] { " " }(because of the text in the picture)
    [picture-too] { " " }(together with the text in the picture)
   *[both] { " " }(in the prompt and the negative prompt)
}. { $category ->
    [sexual] Leave out sexual content and try again
    [nudity] Put clothes on the people in it and try again
    [minors] Leave out the child, or all sexual and suggestive content: no server allows both
    [gore] Leave out blood and wounds and try again
    [hate] Leave out the hate against people and try again
    [harassment] Leave out insults and threats and try again
    [self-harm] If you need help, there are people to talk to at <https://findahelpline.com>. Otherwise rephrase it and try again
    [illegal] Leave that out and try again
    [real-person] Leave out the person, or leave out all sexual, nude and gory content
    [spam] Ask for something else, or press 🔄 under the pictures for more of the same
    [server-rule] The moderators can tell you which rule
   *[other] Rephrase it and try again
}. If you think that this is a mistake, ask a moderator. { $is_first ->
    [yes] The first time does not count against you. { nothing-charged }
   *[no] { nothing-charged }
}
nothing-charged = Nothing was charged.
error-member-blocked = A moderator has blocked you from making pictures here{ $until ->
    [none] .
   *[other] { " " }until { MOMENT($until) }.
}{ reason-given }
# " Reason: …" behind a sentence, where there is one.
reason-given = { $reason ->
    [none] { "" }
   *[other] { " " }Reason: { PLAIN($reason) }
}
error-rate-limited = { $is_impossible ->
    [yes] That is more images at once than a { $limit } allows. Ask for fewer.
   *[no] You have used up your images for this { $limit }. Try again in { WAIT($retry_after) }.
}
error-too-many-jobs = You have { $limit } jobs in the queue already, the maximum. Wait for one, or cancel one with `/queue`.
error-line-full = The queue is full: { $waiting } jobs are waiting. { $seconds ->
    [none] Try again in a little while.
   *[other] It would take about { WAIT($seconds) }. Try again in a little while.
}
error-too-busy = There are more orders at the moment than I can answer. Try again in a little while. { nothing-charged }
error-too-many-refused = You have had { $limit } refused prompts within an hour, the maximum. Try again in { WAIT($retry_after) }. { nothing-charged }
error-raid-holds = This server is in raid mode: for now only { $ages ->
    [account] accounts older than { SPAN($account_age) }
    [member] members for more than { SPAN($member_age) }
   *[both] accounts older than { SPAN($account_age) } that have been members for more than { SPAN($member_age) }
} can make pictures.{ ends-at } { nothing-charged }
error-paused = The moderators have paused picture making in this server.{ ends-at }{ reason-given } { nothing-charged }
error-known-only = For now only members who have made pictures here for a while can make new ones.{ ends-at }{ reason-given } { nothing-charged }
ends-at = { $until ->
    [none] { "" }
   *[other] { " " }That ends { MOMENT($until) }.
}

## Pictures and jobs

error-not-yours = { $is_picture ->
    [yes] This picture belongs to another member; only they and the moderators can do that.
   *[no] This job belongs to another member; only they and the moderators can do that.
}
error-no-such-prompt = That prompt is not stored any more, or it is not yours. Type it again with `/imagine`.
error-not-a-moderator = Only moderators can do that: it needs the Manage Messages permission, or a role that the server has chosen.
error-no-such-job = { $is_message ->
    [yes] There is no picture of mine in that message.
   *[no] I don't know the job { CODE($job) }. Give its id, which is shown under its pictures, or a link to its message.
}
error-picture-gone = That picture was removed or deleted.
error-message-stays = The pictures are deleted, but Discord did not let me delete their message: { $link }. Delete it by hand, or ask a moderator.
error-not-done = { $is_running ->
    [yes] This job is not done yet
   *[no] This job failed or was cancelled, so it has no pictures
}{ $link ->
    [none] .
   *[other] : { $link }.
}
error-not-shown-here = { $is_direct ->
    [yes] I can't send these pictures to direct messages: they show content that is not allowed there.
   *[no] I can't show these pictures in this channel: they show content that is not allowed here. Ask for them in the channel where they were ordered.
}
error-messages-closed = I can't send you a direct message. Allow direct messages from members of this server in your privacy settings, then press again.
error-not-running = That job is not waiting or running any more.
error-too-large = The picture would be { $side } pixels wide or high; the maximum is { $limit }.
error-is-square = That picture is square already.
error-bad-date = { CODE($text) } is neither a date such as 2026-11-30 nor a time such as 7d.
error-bad-duration = { CODE($text) } is not a duration. Write `30m`, `12h`, `7d` or `2w`.
error-nothing-to-verify = There is no picture that I can read. I read PNG, JPEG and WebP.
error-too-many-checks = You can have { $limit } pictures checked in a minute. Try again in { WAIT($retry_after) }.
error-too-heavy-to-verify = That picture has { SIZE($bytes) }; I can read at most { SIZE($limit) }.
error-generation-failed = No picture was made. { $kind ->
    [memory] The graphics card ran out of memory for it. Try fewer images or a smaller size.
    [numbers] The model's numbers overflowed, so there is no picture. Try another seed, or less guidance.
    [model] The model could not be loaded. Choose another one, or tell the bot's owner.
    [download] The model could not be downloaded. Choose another one, or tell the bot's owner.
    [lora] A LoRA of this order can't be used. Draw without it, or tell the bot's owner.
    [input] The picture that it starts from can't be read any more.
    [too-large] The pictures that it starts from are too large.
    [steps] The model can't take so many steps. Try fewer.
    [scheduler] The model has this scheduler no more. Draw with another one.
    [size] The model can't draw pictures of this size. Choose another one.
    [weights] The weights in the prompt can't be used.
    [text] The model can't draw from a prompt alone. Choose another one.
    [start] The model can't start from a picture. Choose another one.
    [style] The model can't draw in the style of a picture. Choose another one.
    [reference] The model takes no such pictures, or fewer of them. Choose another one.
    [control] The model follows no such picture. Choose another one.
    [mask] The model needs a mask that it did not get, or knows none. Choose another one.
    [crash] The worker crashed several times while drawing it.
    [picture] The finished picture shows content that is not allowed here.
    [banned] The finished picture looks like one that the moderators have removed here.
    [picture-input] The picture that it starts from shows content that is not allowed here.
    [banned-input] The picture that it starts from looks like one that the moderators have removed here.
   *[other] Something broke.
} { nothing-charged }
error-queue-closed = The bot is restarting. Try again in a minute. { nothing-charged }
error-job-parked = The bot is restarting. Your job is kept, and goes on when the bot is back.
error-job-cancelled = Cancelled. { nothing-charged }
error-database-busy = The bot's database is busy with something else. Try again in a moment. { nothing-charged }
error-disk-full = The bot's disk is full, so pictures can't be stored. Tell the bot's owner. { nothing-charged }

## Cases

error-no-such-case = { $number ->
    [0] There is no such case in this server.
   *[other] There is no case { ID($number) } in this server.
} `/mod cases` lists them.
error-case-taken = Case { ID($number) } is claimed by { PLAIN($by) }. Without a decision, it is free again in { WAIT($free_in) }.
error-case-closed = Case { ID($number) } is decided already: { case-moderator } { decided } ({ MOMENT($at) }). `/mod case` amends it.
# A moderator's act, after their name. "warned" and the acts after it are followed by the member.
decided = { $is_refused ->
    [yes] { $outcome ->
        [approve] called the refusal wrong
        [remove] called the refusal right
       *[other] { sanctioned }
    }
   *[no] { $outcome ->
        [approve] approved it
        [remove] removed it
       *[other] { sanctioned }
    }
}
sanctioned = { $outcome ->
    [warn] warned
    [timeout] timed out
    [ban] banned
    [block] blocked
   *[other] { $outcome }
}
error-case-grew = Case { ID($number) } has { $count ->
    [one] { $count } more order, which your card did not show. Look at it
   *[other] { $count } more orders, which your card did not show. Look at them
}, and press again.
error-role-silent = { $is_everyone ->
    [yes] All members have that role. Choose a role of moderators.
   *[no] I can't mention that role: let everyone mention it, or give me the permission Mention Everyone in the moderators' channel.
}
error-quiet-hours-unclear = Quiet hours need a begin and an end that differ, such as 22 and 7. Leave both out for no quiet hours.
error-none-open = No case of this list is open for you any more.
error-no-such-reason = This server keeps no reason named { CODE($name, limit: 30) }.
error-reason-unusable = A reason needs a name of at most { $name_limit } characters and a text of at most { $text_limit }.
error-too-many-reasons = A server keeps at most { $limit } reasons. Delete one first.
error-no-such-note = There is no note { ID($number) } about this member here.
error-not-your-note = That note is by { PLAIN($by, limit: 40) }. Only its author and heads can remove it.
error-too-many-notes = A member has at most { $limit } notes. Remove one first.
error-both-said = Use `{ $first }` or `{ $second }`, not both.
error-second-needed = You proposed the ban in case { ID($number) } yourself: another moderator must confirm it.
error-as-long-as-a-ban = That lasts as long as a ban, and a ban takes two moderators here. Choose at most { SPAN($limit) }, or propose a ban with `/mod ban`.
error-senior-needed = Case { ID($number) } was escalated: the decision needs the Manage Server permission, or a role of the level head.
error-not-senior = { $or_head ->
    [yes] That needs the Manage Server permission, or a role of the level head.
   *[no] That needs the Manage Server permission.
}
error-own-case = That is about you: another moderator must decide it.
error-above-you = { $is_owner ->
    [yes] They own this server, so no moderator can do that to them.
   *[no] { $is_level ->
        [yes] They are a moderator of a level above yours: a moderator of their level must do that.
       *[no] Their role is above yours: a moderator above them must do that.
    }
}
error-no-discord-ban = Discord's own ban can't be set or lifted, so nothing was done: { case-obstacle }.
error-helpers-propose = Helpers see and propose: press a button of a case, and a moderator confirms it. That needs a moderator.
error-head-needed = Only heads change the rules of this server. A manager chooses roles with `/server level`.
error-ban-needs-head = That lasts as long as a ban, and only heads ban here. Choose at most { SPAN($limit) }, or propose a ban with `/mod ban`.
error-proposed-already = A ban is proposed in case { ID($number) } already, by { case-moderator }.
error-proposal-changed = Your card did not show what is proposed in case { ID($number) } now. Look at it, and press again.
error-nothing-proposed = Nothing is proposed in case { ID($number) } any more. Choose what happens.
error-level-for-everyone = That role is everyone's, or a bot's. Choose a role that only your helpers or moderators have.
error-roles-unknown = Discord did not say which roles they have. Try again.
error-log-channel-closed = I lack the permission { permission } in <#{ ID($channel) }>. Give me that there, or choose another channel.
error-nothing-to-amend = { $is_open ->
    [yes] Case { ID($number) } has no decision that could be amended.
   *[no] Case { ID($number) } has no running timeout or ban that could be amended.
}
error-nothing-to-pardon = Case { ID($number) } has nothing to pardon: no strike that counts, and no block that runs.
error-nothing-to-restore = Nothing of that is blocked or removed here, so there is nothing to restore.
error-not-your-case = That case is not about you.
error-appealed-already = Case { ID($number) } has been appealed already. An appeal is answered once.
error-no-such-appeal = There is no such appeal in this server.
error-appeal-answered = The appeal in case { ID($number) } is answered already: { case-decision }, by { case-moderator }.
error-own-decision = You acted in case { ID($number) } yourself: another moderator must answer the appeal.
error-reported-already = You have reported that picture already. The moderators have it.
error-reviewed-already = A moderator has reviewed and approved that picture already.
error-too-many-reports = You have reported { $limit } pictures within an hour, the maximum. Try again in { WAIT($retry_after) }.
error-no-such-member = That is a bot, or a member that I don't know.
error-nothing-said = Give at least one of { $command ->
    [mod-restore] `picture`, `since` and `style`
    [mod-rule-test] `name` and `words`
    [mod-rule-edit] `words`, `beside`, `unless`, `ruling`, `category`, `shadow` and `new_name`
   *[server-policy-category] `action`, `flag` and `refuse`
}.

## A server's settings

error-fixed-category = That can't be changed: the policy on { server-category } is the same on every server.
error-bad-threshold = A threshold is a number from 0.01 to 1, where 1 means never; { $value } is not one.
error-nothing-chosen = { $category ->
    [none] There is no choice to take back there. `/server policy show` shows the policy.
   *[other] There is no choice about { server-category } to take back there. `/server policy show` shows the policy.
}
error-rule-unusable = That rule can't be used: { $problem ->
    [too-many-rules] there are { $limit } rules already. Remove one first.
    [name] a name has 1 to { $limit } characters. Give it another one.
    [minors] the filter itself handles minors, everywhere. Choose another category.
    [no-words] it has no words. Write at least one, with commas between them.
    [too-many-words] it has { $count } words, more than { $limit }. Make two rules of it.
    [no-word] { CODE($word) } is not a word. A word has letters or digits, at most { $limit } characters.
   *[reserved-word] { CODE($word) } works in the rules file only. Write the words themselves.
}
error-rule-of-file-unusable = Rule { $number } of the file, and so none of it: { error-rule-unusable }
error-rule-file-unusable = { $problem ->
    [twice] Two rules of the file are called { CODE($name) }. Give one another name.
    [entry] { $name ->
        [none] Rule { $number } of the file is none.
       *[other] Rule { $number } of the file: { CODE($name) } is missing, unknown or of another kind.
    } `/mod rule export` writes a file that shows the form.
   *[no-list] That file is no list of rules. `/mod rule export` writes one that shows the form.
}
error-rule-taken = There is a rule called { CODE($name) } already. Remove it first, or choose another name.
error-no-such-rule = This server has no rule called { CODE($name) }.{ $nearest ->
    [none] { "" }
   *[other] { " " }Did you mean { CODE($nearest) }?
}
error-no-such-version = This server's rules have no version { ID($version) }; the newest is { ID($newest) }.
error-rule-breaks-must = The rule { CODE($rule) } would refuse { CODE($prompt) }{ $more ->
    [0] { "" }
   *[other] { " " }and { $more } more
}, which must always be allowed. Make it narrower, or try it as a shadow rule.

## Members' data and the audit log

error-no-head = { CODE($text) } is not a head of the audit log; a head looks like `12:3fa9c07d`.
error-data-too-large = Your data has { SIZE($size) }, but Discord accepts at most { SIZE($limit) } here. Ask the owner of this bot: `python -m db export` writes it to a file.
error-not-your-data = That button is for another member's data. `/privacy delete` is for yours.

## Discord

error-only-in-servers = Commands work in a server only, not in a direct message.
error-unusable-option = { $name ->
    [none] That command can't be read. Choose it again from Discord's list.
   *[other] The option { CODE($name) } can't be read. Choose it again from Discord's list.
}
error-unreadable-press = That button or form can't be read. Use the command again.
error-not-storable = That has a number or a character that can't be used here.

error-command-not-found = That command has changed. Reload Discord and try again.
error-command-signature-mismatch = That command has changed. Reload Discord and try again.
error-transformer-error = { CODE($value) } can't be used there.
bug = Something broke on our side. Tell the bot's owner this reference: `{ $reference }`. { nothing-charged }
discord-failed = Discord did not take the answer. What you asked for may be done all the same: look before you try again.
