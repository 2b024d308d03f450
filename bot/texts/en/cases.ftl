# Cards of cases and appeals, the notices to the member, and the results of moderators' acts.

## A case's card

case-title = ### Case { ID($number) } · { $origin ->
    [flag] flagged
    [refusal] refused
    [report] reported
    [picture] { $ruling ->
        [flag] a picture was flagged
       *[other] a picture was refused
    }
   *[moderator] opened by a moderator
}
case-blurred = blurred
case-negative = > negative: { PLAIN($text, $limit) }
case-forgotten = The member's data was deleted at their request, with the subject of this case.
# The reason of the verdict, for moderators: "sexual: rule `suggestive` found `lingerie`".
case-why = { $category ->
    [none] { case-rule-found }
   *[other] { server-category }: { case-rule-found }
}
case-rule-found = { $words ->
    [none] rule { case-rule }
   *[other] rule { case-rule } found { $words }
}
# A rule is stored as one code, as "server: no clowns": `of` and `name` are its parts, `code` is all of it with hyphens.
case-rule = { $of ->
    [server] { CODE($name, limit: 52, before: "server: ") }
   *[other] { case-rule-filter }
}
case-rule-filter = { $code ->
    [removed-before] `removed before`
    [spam-the-same-prompt-again] `spam: the same prompt again`
    [spam-nothing-but-links-and-mentions] `spam: nothing but links and mentions`
    [spam-nothing-but-one-character] `spam: nothing but one character`
    [spam-nothing-but-one-word] `spam: nothing but one word`
    [public-figures] `public figures`
    [style-references] `style references`
   *[other] { CODE($rule, limit: 60) }
}
# What was found in pictures, in the place of words.
case-found = { $kind ->
    [picture] picture { $number }
    [flagged] picture { $number } flagged
    [written] written in the picture: { $number }
   *[job] job { $number }, { $apart } bits apart
}
# The origin of a text: a command, or a picture's button with the picture's number.
case-source = { $code ->
    [imagine] /imagine
    [image] /imagine, with a picture
    [vary] /vary
    [blend] /blend
    [style] /style reference
    [preset-save] /preset save
    [style-save] /style save
    [settings] /settings
    [v] V{ $image }
    [u] U{ $image }
    [re-roll] re-roll
    [remix] remix { $image }
    [picture] picture
    [upload] a picture that they sent
   *[other] { $source }
}
case-score = score { NUMBER($score, minimumFractionDigits: 2, maximumFractionDigits: 2) }
case-language = -# language: { CODE($language, limit: 12) }{ $is_read ->
    [yes] { "" }
   *[no] , which the learned filter does not read: only words of the rules count
}
case-read-as = -# read as: { CODE($text, $limit) }
case-place = { $channel ->
    [none] { $who } · { MOMENT($at) }
   *[other] { $who } in <#{ ID($channel) }> · { MOMENT($at) }
}
case-job = job { $job }
case-message = [message]({ $link })
case-record = **Record** { case-orders } · { $flags } flagged · { $refusals } refused · { $pictures ->
    [0] { "" }
    [one] pictures of { $pictures } order flagged or refused ·{ " " }
   *[other] pictures of { $pictures } orders flagged or refused ·{ " " }
}{ case-strikes } now, { $ever } ever · { $cases ->
    [one] { $cases } case
   *[other] { $cases } cases
} · { $is_blocked ->
    [yes] blocked { case-until }
   *[no] not blocked
}
case-orders = { $orders ->
    [one] { $orders } order
   *[other] { $orders } orders
}
case-strikes = { $strikes ->
    [one] { $strikes } strike
   *[other] { $strikes } strikes
}
case-until = { $until ->
    [none] until it is lifted
   *[other] until { MOMENT($until) }
}
case-ladder = **Ladder** next is { case-rung }{ $is_first ->
    [yes] ; this is their first refusal, which gives no strike
   *[no] { "" }
}
case-rung = { $sanction ->
    [warn] a warning
    [timeout] a timeout of { SPAN($seconds) }
   *[ban] { case-ban-length }
}
case-entry = -# { MOMENT($at) } · { case-entry-name } · { $entry }
case-entry-name = { $name ->
    [none] { $kind ->
        [checked] Picture check
        [not-done] Atelier
        [joined] Atelier
        [evidence] a member
        [reported] a member
        [appealed] a member
       *[other] a former moderator
    }
   *[other] { PLAIN($name) }
}
# `evidence` and `removed` are of earlier releases, as is a decision or an answer without a choice: their text says it.
case-entry-act = { $kind ->
    [evidence] evidence
    [reported] evidence: reported{ $text ->
        [none] : no reason given
       *[other] { "" }
    }
    [note] note
    [removed] removed
    [taken-down] removed: the pictures
    [purged] removed: the pictures, by a purge
    [restored] note: similar pictures are allowed again
    [amended] amended
    [escalated] escalated
    [proposed] proposed{ $choice ->
        [none] { "" }
       *[other] : { case-choice }
    }
    [decided] decided{ $choice ->
        [none] { "" }
       *[other] : { case-choice }
    }
    [appealed] appealed
    [answered] answered{ $choice ->
        [none] { "" }
        [overturned] : overturned
       *[upheld] : upheld
    }
    [lifted] pardoned: lifted
   *[pardoned] pardoned
}{ $text ->
    [none] { "" }
   *[other] : { PLAIN($text, $limit) }
}
case-choice = { $choice ->
    [approve] approve
    [remove] remove
    [warn] warn
    [timeout] timeout
    [ban] ban
   *[block] block
}
case-entry-joined = joined: { $origin ->
    [report] a reported order
    [picture] an order whose pictures the check found
   *[flag] a flagged order
}{ $job ->
    [none] { "" }
   *[other] , { case-job }
}{ $why ->
    [none] { "" }
   *[other] { " " }· { $why }
}: { PLAIN($text, $limit) }
case-entry-beside = (with case { ID($number) })
case-entry-checked = evidence: { $ruling ->
    [flag] flag
   *[refuse] refuse
}: { $why }
case-entry-not-done = not done in Discord: { $effect ->
    [message] the message is not deleted
    [sanction] the { case-power } is not set
   *[other] the { case-power } is not lifted
}: { $obstacle ->
    [you-lack-it] the moderator lacks the { case-permission } permission
    [above-you] their role is as high as the moderator's
   *[other] { case-obstacle }
}
case-entry-amended = amended: { $has_reason ->
    [yes] reason: { $before ->
        [none] none
       *[other] { PLAIN($before, $limit) }
    } → { PLAIN($reason, $limit) }
   *[no] { "" }
}{ $has_end ->
    [yes] { $has_reason ->
        [yes] ;{ " " }
       *[no] { "" }
    }end: { $until_before ->
        [none] until lifted
       *[other] { MOMENT($until_before) }
    } → { MOMENT($until) }
   *[no] { "" }
}
case-earlier-entries = { $count ->
    [one] -# { $count } earlier entry: *History*
   *[other] -# { $count } earlier entries: *History*
}
case-history-button = History
case-history = ### History of case { ID($number) } · page { $page } of { $pages }
case-history-opened = -# { MOMENT($at) } · { $origin ->
    [flag] the case was opened: flagged
    [refusal] the case was opened: refused
    [report] the case was opened: reported
    [picture] { $ruling ->
        [flag] the case was opened: a picture was flagged
       *[other] the case was opened: a picture was refused
    }
   *[moderator] the case was opened by a moderator
}
case-open = **Open**
case-escalated = Escalated: a head decides.
case-ban-proposed = { case-moderator } proposes { case-ban-length }{ case-by-bot-alone }: { $reason ->
    [none] no reason given
   *[other] { PLAIN($reason) }
}. { case-confirm }
# A helper's proposal. 0: a helper who was forgotten.
case-helper-proposes = { $by ->
    [0] a former helper
   *[other] <@{ ID($by) }>
} proposes: { case-outcome }{ $outcome ->
    [timeout] { " " }{ case-until-length }
    [ban] { " " }{ case-until-length }{ case-by-bot-alone }
   *[other] { "" }
} — { $reason ->
    [none] no reason given
   *[other] { PLAIN($reason) }
}. { case-helper-confirm }
case-helper-confirm = A moderator must confirm it, or decide otherwise.
case-by-bot-alone = { $is_bot_ban ->
    [yes] { " " }(by the bot alone)
   *[no] { "" }
}
case-until-length = { $seconds ->
    [none] until lifted
   *[other] for { SPAN($seconds) }
}
case-outcome = { $outcome ->
    [approve] approve
    [remove] remove
    [warn] warn
    [timeout] time out
    [ban] ban
   *[block] block
}
case-confirm-button = Confirm: { case-outcome }
case-ban-length = { $seconds ->
    [none] a ban
   *[other] a ban for { SPAN($seconds) }
}
case-confirm = Another moderator must confirm it, or decide otherwise.
case-claimed = Claimed by { PLAIN($name) } since { MOMENT($at) }.
# A moderator's name; none when they were forgotten.
case-moderator = { $by ->
    [none] a former moderator
   *[other] { PLAIN($by) }
}
case-closed = **Closed** · { case-moderator } { decided }{ $outcome ->
    [approve] { "" }
    [remove] { "" }
   *[other] { " " }<@{ ID($member) }>
}{ $is_block ->
    [yes] { " " }{ case-until }
   *[no] { "" }
}{ $power ->
    [none] { $outcome ->
        [timeout] { " " }(by the bot alone)
        [ban] { " " }(by the bot alone)
       *[other] { "" }
    }
   *[other] { " " }(by the bot, and by Discord's own { case-power })
} · { MOMENT($at) }{ $reason ->
    [none] { "" }
   *[other] { "\u000A" }Reason: { PLAIN($reason) }
}
case-power = { $power ->
    [timeout] timeout
   *[ban] ban
}
case-taken-back = **Taken back.**
case-lifted = **Lifted.** The strike still counts.
case-removed-already = The pictures are removed already. Only the decision about the member is left.
# The effect of the first two buttons when no picture was posted.
case-refusal-buttons = -# { $is_withheld ->
    [yes] No picture was posted or kept. *Wrongly refused*: the member is notified, gets no strike and may order again; these pictures can't be restored.{ $like ->
        [none] { "" }
       *[other] { " " }Pictures similar to the removed job { $like } are allowed again.
    } *Rightly refused*: no strike{ $has_look ->
        [yes] , and similar pictures are refused here from now on.
       *[no] .
    }
   *[no] *Wrongly refused* gives no strike and changes no rule: the same prompt is refused again.
}
case-button = { $action ->
    [open] Open a case
    [approve] { $is_refused ->
        [yes] Wrongly refused
       *[no] Approve
    }
    [remove] { $is_refused ->
        [yes] Rightly refused
       *[no] Remove
    }
    [escalate] Escalate
    [next] Next open case
    [warn] Warn
    [timeout] Time out
   *[ban] { $is_proposed ->
        [yes] Confirm ban
       *[no] Ban
    }
}
# For all orders of a case.
case-button-all = { $action ->
    [folded-approve] { $is_refused ->
        [yes] Wrongly refused: all { $count }
       *[no] Approve all { $count }
    }
   *[folded-remove] { $is_refused ->
        [yes] Rightly refused: all { $count }
       *[no] Remove all { $count }
    }
}
# Orders that joined the open case of their member.
case-joined = { $count ->
    [one] **{ $count } more order** of this member has
   *[other] **{ $count } more orders** of this member have
} joined this case since { MOMENT($since) }. A decision is about all { $total }. The newest:
case-joined-order = -# { $origin ->
    [report] reported
    [picture] picture
   *[flag] flagged
} · { $has_rule ->
    [yes] { $why } ·{ " " }
   *[no] { "" }
}{ MOMENT($at, style: "R") }{ $job ->
    [none] { "" }
   *[other] { " " }· { case-job }
}{ $link ->
    [none] { "" }
   *[other] { " " }· { case-message }
}
case-joined-all = All prompts

case-none-open = No other open case waits for you. Cases about you, cases for heads and cases that another moderator has taken are left out.

## Refusals of a member that are no case yet

case-review = **Refused** · { $why }
case-review-count = **{ $count } refused prompts** of this member since { MOMENT($since) }; this is the newest, and `/mod log` lists all.
case-review-place = -# <@{ ID($member) }> in <#{ ID($channel) }> · { $source } · { MOMENT($at) }{ $job ->
    [none] { "" }
   *[other] { " " }· { case-job }
}

## Several cases at once

cases-open = { $count ->
    [one] { $count } open case
   *[other] { $count } open cases
}
cases-several = { $is_raid ->
    [yes] ### { cases-open } of { $members ->
        [one] { $members } member
       *[other] { $members } members
    }
       -# One decision for all. Each member gets one sanction and one strike; it needs Manage Server or the level head.
   *[no] ### { cases-open } of <@{ ID($member) }>
       -# One decision for all. A sanction is one, with one strike; the pictures of all are removed.
}
cases-several-line = **{ ID($number) }** · <@{ ID($member) }> · { $why ->
    [none] { "" }
   *[other] { $why } ·{ " " }
}{ MOMENT($at, style: "R") }
cases-several-more = -# and { $count } more
cases-several-button = { $outcome ->
    [approve] Approve all { $count }
    [remove] Remove all { $count }
    [warn] Warn · { cases-count }
    [timeout] Time out · { cases-count }
   *[ban] Ban · { cases-count }
}
cases-count = { $count ->
    [one] { $count } case
   *[other] { $count } cases
}
cases-several-show = { $count ->
    [one] { $count } open case
   *[other] All { $count } open cases
}
cases-several-done = { cases-count } of { $members ->
    [one] { $members } member
   *[other] { $members } members
}: { $outcome ->
    [approve] approved
    [remove] removed
    [warn] warned
    [timeout] timed out
   *[ban] banned
}.{ $proposed ->
    [0] { "" }
   *[other] { " " }Proposed only: { $proposed }; another moderator must confirm.
}
cases-several-obstacles = { $count ->
    [one] In Discord, { $count } thing could not be done; its case says which.
   *[other] In Discord, { $count } things could not be done; their cases say which.
}

## Many members at the same time

raid-card = ### Many members at once
    { "" }**{ $members }** { $members ->
        [one] member
       *[other] members
    } since { MOMENT($since) }: **{ $refused }** refused and **{ $flagged }** flagged. The newest is from { MOMENT($last, style: "T") }.
    { $cases ->
        [0] No case is open.
        [one] { $cases } case shares this card; open: { $open }.
       *[other] { $cases } cases share this card; open: { $open }.
    } *Next open case* shows one after the other.
    -# `/mod raid` keeps new members out, `/mod panic` pauses orders, `/mod purge` removes what they made.
raid-cases = All open cases
raid-button = { $ruling ->
    [refuse] Refused prompts
   *[flag] Flagged prompts
}

## The daily digest

digest-title = ### Since { MOMENT($since) }
digest-prompts = Prompts

## The log channel

log-channel-instead = ⚠️ The channel that was chosen for refusals and flags is deleted. They come here now; `/mod log-channel` chooses another one.
log-channel-lost = ⚠️ The moderators of **{ PLAIN($server) }** don't see refusals and flags: { $loss ->
    [none-chosen] there is no channel for them. `/mod log-channel` chooses one.
    [deleted] their channel is deleted, and no other may take its place. `/mod log-channel` chooses one.
    [unseen] I can't see their channel <#{ ID($channel) }>. Give me access to it, or choose another one with `/mod log-channel`.
   *[forbidden] in <#{ ID($channel) }> I lack { $missing }. Give me that, or choose another one with `/mod log-channel`.
}
# Discord's permissions, as its menus call them.
permission = { $name ->
    [read-messages] View Channel
    [send-messages] Send Messages
    [embed-links] Embed Links
    [attach-files] Attach Files
    [read-message-history] Read Message History
    [use-application-commands] Use Application Commands
   *[other] { $name }
}

## When the bot joins a server

greeting = Hello! `/imagine` makes pictures, and `/help` lists the commands.
greeting-permissions = ⚠️ I lack the permissions { $missing }.
greeting-commands = ⚠️ Members lack the permission Use Application Commands.
greeting-log-channel = { $channel ->
    [none] ⚠️ Moderators: there is no channel for refused and flagged prompts yet. `/mod log-channel` chooses one.
   *[other] ⚠️ Moderators: refused and flagged prompts go to <#{ ID($channel) }>, which everyone can read. `/mod log-channel` chooses another one.
}
greeting-log-closed = ⚠️ Moderators: refused and flagged prompts would go to <#{ ID($channel) }>, but there I lack { $missing }. Give me that, or choose another channel with `/mod log-channel`.

## The forms behind the buttons

case-form-title = { $outcome ->
    [warn] Warn { $name } · case { ID($number) }
    [timeout] Time out { $name } · case { ID($number) } · { case-form-whose }
   *[ban] Ban { $name } · case { ID($number) } · { case-form-whose }
}
# Whose timeout or ban the moderator would set.
case-form-whose = { $is_both ->
    [yes] bot and Discord
   *[no] bot only
}
case-form-whose-ban = Whose ban
case-whose = { $whose ->
    [both] The bot's and Discord's: not in this server
   *[bot] { $obstacle ->
        [none] The bot's alone: no pictures
       *[other] The bot's alone: no pictures ({ case-obstacle })
    }
}
case-form-reason = Reason, shown to the member
case-form-duration = { $outcome ->
    [timeout] How long (30m, 12h, 7d, 2w)
   *[ban] How long; empty: until lifted
}

# Ready reasons. The member reads them.
reason-built-in = { $name ->
    [sexual] Sexual content is not allowed here.
    [nudity] Nudity is not allowed here.
    [gore] Pictures of gore and cruelty are not allowed here.
    [hate] Hateful content is not allowed here.
    [harassment] Pictures that humiliate or attack a person are not allowed here.
    [illegal] Pictures of crimes and forbidden goods are not allowed here.
    [real-person] Pictures of real people are not allowed here.
    [spam] Many similar orders in a short time are spam.
   *[evasion] Do not disguise words to pass the filter.
}
reason-as-written = as written above
case-form-ready-reason = Or a ready reason, in the member's language

## The result of a decision, for the moderator who made it

case-proposed = Case { ID($number) }: { $is_helpers ->
    [yes] you propose: { case-outcome }. { case-helper-confirm }
   *[no] the ban is proposed. Another moderator must confirm it.
}
case-done = Case { ID($number) }: { $outcome ->
    [approve] { $is_refused ->
        [yes] wrongly refused; the pictures can't be restored
       *[no] approved
    }
    [remove] { $is_refused ->
        [yes] rightly refused
       *[no] removed
    }
    [warn] <@{ ID($member) }> is warned
    [timeout] <@{ ID($member) }> can't make pictures { case-until }
    [ban] <@{ ID($member) }> is banned from making pictures { case-until }
   *[block] <@{ ID($member) }> is blocked { case-until }
}.
case-bot-ban = The ban is the bot's alone: Discord lets them stay in this server.
case-earlier-sanction = An earlier sanction still holds, { case-until }.
# Pictures that were removed and have no fingerprint.
case-too-plain = { $pictures ->
    [0] { "" }
    [one] { $pictures } picture is too plain to be recognised again: similar ones are not refused.
   *[other] { $pictures } pictures are too plain to be recognised again: similar ones are not refused.
}
case-told = { $is_told ->
    [yes] The member is notified by direct message.
   *[no] Their direct messages are closed: { $kept_by ->
        [ban] they are not notified, because Discord's own ban keeps them from using me.
        [timeout] they see the notice when they use me after Discord's own timeout.
       *[other] they see the notice when they next use me.
    }
}
case-strikes-now = They have { case-strikes } now.
case-first-refusal = It was their first refusal, which gives no strike.
case-tried-again = Discord did not answer, so I try again: { $effect ->
    [message] their message { $link } is deleted later.
    [sanction] Discord's own { case-power } is set later.
    [lift] Discord's own { case-power } is lifted later.
   *[other] the member is notified later.
}
case-message-stays = The pictures are deleted, but Discord did not let me delete their message: { $link }. Delete it by hand.

## Discord's own timeouts and bans

case-power-set = { $obstacle ->
    [none] Discord's own { case-power } is set too.
   *[other] Discord's own { case-power } is not set: { case-obstacle }.
}
case-power-lifted = { $obstacle ->
    [none] Discord's own { case-power } is lifted too.
   *[other] Discord's own { case-power } stays: { case-obstacle }.
}
case-timeout-keeps-end = Discord's own timeout keeps its end: { case-obstacle }.
case-obstacle = { $obstacle ->
    [no-server] this is not a server
    [you-lack-it] you lack the { case-permission } permission
    [i-lack-it] I lack the { case-permission } permission
    [owner] they own this server
    [above-you] their role is as high as yours
    [above-me] Discord does not let me: their role is as high as mine
    [not-here] they are not in this server any more
    [nothing] there was none
    [not-ours] it was set anew by hand
    [in-force] case { ID($case) } is still in force
    [refused] Discord does not let me
   *[no-answer] Discord did not answer
}
case-permission = { $power ->
    [timeout] Timeout Members
   *[ban] Ban Members
}

case-ban-stays = ⚠️ Case { ID($number) } has ended, but Discord's own ban of <@{ ID($member) }> stays: { case-obstacle }. Lift it by hand if it should end.

# The reason in Discord's own audit log, without markdown. A ban whose reason begins with the mark was set by the bot.
case-audit-mark = Case { ID($number) } by
case-audit-reason = { $has_reason ->
    [yes] { case-audit-mark } { $name }: { $reason }
   *[no] { case-audit-mark } { $name }
}
case-audit-ended = Case { ID($number) }: its end has come
case-audit-pardoned = Case { ID($number) }: pardoned
case-audit-overturned = Case { ID($number) }: overturned

## Notices to the member

case-notice-amended = A moderator has changed this decision; this is how it is now.
case-notice = { $outcome ->
    [approve] A moderator has reviewed your order that the picture check stopped in { case-server }: the check was wrong. You get no strike. The pictures were not kept and can't be posted, but you may order again.
    [remove] { $is_withheld ->
        [yes] A moderator has reviewed your order that the picture check stopped in { case-server }: the check was right.
       *[no] A moderator has removed your pictures in { case-server }.
    }
    [warn] A moderator has warned you in { case-server }.
    [timeout] A moderator has timed you out in { case-server }: no pictures { case-until }.
    [ban] A moderator has banned you in { case-server } from making pictures, { case-until }.
   *[other] A moderator has decided about you in { case-server }.
}
case-server = { $server ->
    [none] **a server**
   *[other] **{ PLAIN($server) }**
}
case-notice-reason = Reason: { PLAIN($reason) }
case-notice-removed = { $orders ->
    [one] The pictures of that order are removed.
   *[other] The pictures of { $orders } orders are removed, that one among them.
}
case-notice-strike = It counts as a strike until { MOMENT($until) }; you have { case-strikes } now.
case-notice-first = It was your first refused prompt there, so it gives no strike.
case-notice-appeal = If you think that this is a mistake, appeal. Another moderator will review it.
    -# Case { ID($number) }
case-appeal = Appeal
case-answer = { $decision ->
    [overturned] Your appeal in case { ID($number) } in { case-server } was successful: the decision is taken back. Removed pictures can't be restored.
   *[upheld] Your appeal in case { ID($number) } in { case-server } was reviewed: the decision stays.
}

## Appeals

case-appeal-form = Appeal in case { ID($number) }
case-appeal-why = Why should this be reviewed again?
case-appeal-sent = The moderators have your appeal. A moderator who did not act in the case will answer it.
case-appeal-title = ### Appeal in case { ID($number) }
    { $who } · { MOMENT($at) }
case-appeal-open = -# A moderator who did not act in this case must answer.
case-appeal-uphold = Uphold
case-appeal-overturn = Overturn
case-appeal-decided = { $decision ->
    [overturned] **Overturned** by { case-moderator }
   *[upheld] **Upheld** by { case-moderator }
}{ $answer ->
    [none] { "" }
   *[other] : { PLAIN($answer) }
}
case-answer-form = { $decision ->
    [overturned] Overturn case { ID($number) }
   *[upheld] Uphold case { ID($number) }
}
case-answer-word = Message to the member (optional)
case-appeal-answered = The appeal in case { ID($number) } is { case-decision }.
case-decision = { $decision ->
    [overturned] overturned
   *[upheld] upheld
}
