# A server's policy, in answers and on the card. Also the words of Discord's choices.

server-place = { $kind ->
    [server] this server
    [age-restricted] age-restricted channels
   *[channel] <#{ ID($channel) }>
}
server-where = { $kind ->
    [server] this server
    [age-restricted] age-restricted channels
   *[channel] this channel
}
server-category = { $category ->
    [sexual] sexual
    [nudity] nudity
    [minors] minors
    [gore] gore
    [hate] hate
    [harassment] harassment
    [self-harm] self-harm
    [illegal] illegal
    [real-person] real-person
    [spam] spam
   *[other] { $category }
}
server-action = { $action ->
    [allow] allow
    [flag] flag
    [refuse] refuse
   *[other] as found
}

## Answers to commands

server-policy-chosen = In { server-place } the policy is *{ $preset }* from now on.
server-policy-amended = In { server-place } the category { server-category } is from now on: { $stance }.
server-policy-reset = In { server-place } { $category ->
    [none] the choice
   *[other] the change to { server-category }
} is taken back.
server-cards-mention = { $role ->
    [none] New cases mention no role.
   *[other] New cases mention <@&{ ID($role) }>. Orders that join a case, refusals and digests mention no role.
}
server-cards-quiet = { $is_on ->
    [yes] From { ID($begin) }:00 to { ID($end) }:00 UTC, cards are posted silently and mention no role.
   *[no] There are no quiet hours.
}
server-cards-digest = { $is_on ->
    [yes] The digest is posted every day at { ID($hour) }:00 UTC. A day with nothing to say has none.
   *[no] There is no digest.
}
server-reason-saved = The reason { CODE($name) } is kept. Forms and commands offer it{ $language ->
    [none] .
   *[other] , and members whose language is { $language } read this text.
}
server-reason-deleted = The reason { CODE($name) } is deleted. Decisions keep their texts.
server-reasons = ### Ready reasons of this server
server-reasons-none = This server keeps no reasons. `/server reason save` keeps one; the built-in ones are always offered.
server-reason-line = **{ PLAIN($name) }**{ $languages ->
    [none] { "" }
   *[other] { " " }· also in { $languages }
}
    > { PLAIN($text, limit: 150) }
server-paid = { $is_paid ->
    [yes] Access to this server counts as paid for. { $models ->
        [none] The licences of all models allow that.
       *[other] The licences of these models forbid it, so they are not offered: { $models }.
    }
   *[no] Access to this server counts as free. All models are offered.
}
licence-class = { $kind ->
    [open] open licence
    [use-rules] open, with rules of use
    [non-commercial] not for commercial use
    [research] for research alone
    [revenue-limit] free below a revenue
   *[none] { "" }
}
# For the moderators' channel: the change, and the member who made it.
server-policy-by =
    { $done }
    -# by <@{ ID($member) }>

## The card

server-policy-title = ### Moderation policy
server-policy-scope = { "**" }{ $kind ->
    [server] This server
    [age-restricted] Age-restricted channels
   *[channel] <#{ ID($channel) }>
}** · { $origin ->
    [chosen] *{ $preset }*
    [age-restricted] as age-restricted channels
    [server] as the server
   *[default] *{ $preset }*, the bot owner's default
}{ $changed ->
    [none] { "" }
   *[other] , changed: { $changed }
}
server-stances = - { $categories }: { $stance }
# Scores from 0 to 1, "none" when the score has no effect; `first` is the lower one.
server-stance = { $action ->
    [allow] allowed
    [flag] { $first ->
        [none] flagged where found
       *[other] flagged where found, by score from { NUMBER($first, minimumFractionDigits: 2, maximumFractionDigits: 2) }
    }
    [refuse] { $first ->
        [none] refused where found
       *[other] refused where found, by score from { NUMBER($first, minimumFractionDigits: 2, maximumFractionDigits: 2) }
    }
   *[other] { $category ->
        [real-person] a person in politics is flagged, another one is told on the card
       *[other] { $is_lenient ->
            [yes] as the rules say for age-restricted channels
           *[no] as the rules say
        }{ $flag ->
            [none] { $refuse ->
                [none] { "" }
               *[other] ; by score { server-refused-from }
            }
           *[other] { $refuse ->
                [none] ; by score { server-flagged-from }
               *[other] ; by score { server-flagged-from }, { server-refused-from }
            }
        }
    }
}
server-flagged-from = flagged from { NUMBER($flag, minimumFractionDigits: 2, maximumFractionDigits: 2) }
server-refused-from = refused from { NUMBER($refuse, minimumFractionDigits: 2, maximumFractionDigits: 2) }
server-policy-fixed =
    { "**" }Always refused**, on every server: minors with sexual or suggestive content, intimate pictures without consent, and real persons with sexual, nude or gory content.
    { server-for-everybody }
server-for-everybody = In channels that are not age-restricted, sexual, nude and gory content that *standard* refuses is always refused.
server-policy-family = ⚠️ `/mod panic` is set to *family*: until it is open again, *family* holds everywhere as well.
server-policy-help = -# A score from 0 to 1 says how likely a moderator would object. `/server policy preset`, `category` and `reset` change the policy.
