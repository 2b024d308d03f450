# /mod and its answers. A command's message is its description; its attributes describe the options.

command-mod = For moderators
mod-blocked = { $until ->
    [none] <@{ ID($member) }> is blocked: { PLAIN($reason) }
   *[other] <@{ ID($member) }> is blocked until { MOMENT($until) }: { PLAIN($reason) }
}
mod-case-number = -# Case { ID($number) }
mod-may-order = <@{ ID($member) }> may make pictures again.

## Reading: the log, cases, statistics, the audit log

command-mod-log = The log of prompts: which were refused, and why
    .member = Only this member's prompts
    .channel = Only prompts in this channel
    .ruling = Only this ruling
    .since = Only the last 30m, 12h, 7d or 2w
    .words = Only prompts with these words, in capitals or not
    .category = Only this category
    .rule = Only rules with this in their name
mod-choice-allow = allow
mod-choice-flag = flag
mod-choice-refuse = refuse
mod-log-title = { $count ->
    [one] ### Log · { $count } record
   *[other] ### Log · { $count } records
}
mod-log-by = by <@{ ID($member) }>
mod-log-in = in <#{ ID($channel) }>
mod-log-ruling = ruling { $ruling ->
    [allow] allow
    [flag] flag
   *[refuse] refuse
}
mod-log-since = since { MOMENT($at) }
mod-log-rule = rule { CODE($rule, limit: 20) }
mod-log-words = words { CODE($words, limit: 30) }
mod-log-searched = searched in the newest { NUMBER($count) } records
mod-nothing-matches = Nothing matches.
mod-log-record = { $ruling ->
    [allow] 🟢 **Allowed**
    [flag] 🟡 **Flagged**
   *[refuse] 🔴 **Refused**
} · <@{ ID($member) }> in <#{ ID($channel) }> · { $source } · { MOMENT($at, style: "R") }
mod-log-negative = > no: { PLAIN($text, $limit) }
mod-log-message = -# { case-message } · { case-job }
command-mod-case = Show a case; with a reason, an end or a note: change it
    .number = Its number
    .reason = A new reason
    .ends_in = A new end, from now: 30m, 12h, 7d, 2w
    .note = A note to add
command-mod-cases = The cases of this server, newest first
    .member = Only about this member
    .state = Only open or closed ones
mod-choice-open = open
mod-choice-closed = closed
mod-cases-title = ### Cases
mod-cases-open = open
mod-cases-decided = { case-moderator } { decided }
command-mod-member = A member's record, cases, strikes, blocks and newest prompts
    .member = Whom
mod-member-title = ### Member <@{ ID($member) }>
mod-member-cases = **Cases**
mod-member-more-cases = { $count ->
    [one] -# and { $count } more case
   *[other] -# and { $count } more cases
}
mod-member-strikes = **Strikes and blocks**
mod-member-strike = Strike of case { ID($number) } · { MOMENT($at, style: "R") } · { $state ->
    [live] counts until { MOMENT($until) }
    [pardoned] pardoned { MOMENT($ended) }
   *[over] expired { MOMENT($until) }
}
mod-member-block = Block · { MOMENT($at, style: "R") } · { $state ->
    [live] { case-until }
    [lifted] lifted { MOMENT($ended) }
   *[over] ended { MOMENT($until) }
}{ $reason ->
    [none] { "" }
   *[other] : { PLAIN($reason, limit: 100) }
}
mod-member-prompts = **Newest prompts**
mod-member-prompt = { $ruling ->
    [allow] 🟢
    [flag] 🟡
   *[refuse] 🔴
} { $text } · { $source } · { MOMENT($at, style: "R") }{ $link ->
    [none] { "" }
   *[other] { " " }· { case-message }
}
mod-member-none = -# none
mod-member-all-cases = Cases
mod-member-all-prompts = Prompts
mod-member-notes = **Notes**
command-mod-note = Notes about a member without a case, which only moderators see
    .member = About whom
    .text = The note to add; left out: all notes are listed
    .remove = The number of a note to remove
mod-note = **{ ID($number) }** · { MOMENT($at, style: "R") } · { $name ->
    [none] a former moderator
   *[other] { PLAIN($name, limit: 40) }
}: { PLAIN($text, limit: 500) }
mod-notes-title = ### Notes about <@{ ID($member) }>
mod-notes-none = -# none
mod-note-added = Note { ID($number) } about <@{ ID($member) }> is added. Only moderators see it.
mod-note-removed = Note { ID($number) } about <@{ ID($member) }> is removed.
command-mod-stats = Numbers of prompts, refusals, reports and decisions
    .since = The last 12h, 7d or 2w; left out: 7d
mod-stats-title = ### The last { PERIOD($seconds) }
mod-stats-prompts = **Prompts** { $asked } asked · { $flagged } flagged · { $refused } refused
    -# Allowed and only counted: { $people } with a real person · { $styles } with a style reference
mod-stats-pictures = **Pictures** of { $flagged ->
    [one] { $flagged } order
   *[other] { $flagged } orders
} flagged · of { $refused ->
    [one] { $refused } order
   *[other] { $refused } orders
} refused
mod-stats-cases = **Cases** { $opened } opened · { $open } open now · { $reports ->
    [one] { $reports } report
   *[other] { $reports } reports
}
mod-stats-decided = **Decided** { $decided }{ $waited ->
    [none] { "" }
   *[other] , half of them within { WAIT($waited) }
}{ $outcomes ->
    [none] { "" }
   *[other] : { $outcomes }
}
mod-stats-outcome = { $count } { $outcome ->
    [approve] approve
    [remove] remove
    [warn] warn
    [timeout] timeout
    [ban] ban
   *[block] block
}
mod-stats-by = **By** { $moderators ->
    [none] no moderator
   *[other] { $moderators }
}
mod-stats-moderator = { $who ->
    [0] former moderators { $count }
   *[other] <@{ ID($who) }> { $count }
}
mod-stats-appeals = **Appeals** { $appeals }, of which { $overturned } overturned
command-mod-export = A file of the cases or of the log, for you alone
    .what = Cases with all that happened in them, or the log of prompts
    .since = A date (2026-11-30, UTC), or 12h, 7d, 2w ago; left out: 30d
    .until = A date, included, or a time as above; left out: now
    .file_type = JSON, or CSV for a spreadsheet, without what happened in a case; left out: JSON
mod-export-what = { $what ->
    [cases] cases
   *[log] log
}
mod-export = { $rows ->
    [one] { $rows } row
   *[other] { $rows } rows
} from { MOMENT($since) } to { MOMENT($until) }.{ $has_more ->
    [yes] { " " }These are only the newest ones: choose a shorter time for the others.
   *[no] { "" }
} The file holds members' prompts: keep it as carefully as the log, and delete it when you have used it.
command-mod-audit = Check that the audit log is whole, and show the newest acts
    .head = A head from an earlier /mod audit, which the log must still hold
    .member = Only about this member
mod-audit-broken = ### ⚠️ The audit log is broken
    { $fault } Tell the owner of this bot.
mod-audit-fault = { $kind ->
    [no-guard] The guard { $what } of the log is gone: rows could have been changed since.
    [no-rows] { $missing ->
        [one] Row { ID($row) } is missing.
       *[other] Rows { ID($row) } to { ID($last) } are missing.
    }
    [no-end] Rows are missing at the end: the head { mod-audit-head } is row { ID($row) }, and the last one here is { ID($last) } (or an older backup was restored).
    [link] Row { ID($row) } does not follow row { ID($before) }: its hash of the row before is another.
    [row] Row { ID($row) } was changed: its hash is not that of what it says.
    [field] The { $what ->
        [actor] actor
        [member] member
       *[reason] reason
    } of row { ID($row) } was changed: it is not the one that was logged.
    [no-head] audit.head is damaged: rows missing at the end would not be noticed.
   *[head] Row { ID($row) } is not the one whose head was { mod-audit-head }: the log was written anew.
}
mod-audit-head = { $what ->
    [kept] kept in audit.head
   *[given] given
}
mod-audit-empty = ### The audit log is empty
mod-audit-whole = ### The audit log is whole
    { $acts ->
        [one] { $acts } act
       *[other] { $acts } acts
    } in all servers.{ $witness ->
        [none] { "" }
       *[other] { " " }It holds the head of row { ID($witness) }.
    } Its head is `{ $head }`. Keep it: `/mod audit head:` checks later whether the log still holds it.
mod-audit-nothing = { $member ->
    [none] There are no acts here yet.
   *[other] There are no acts about them.
}
mod-audit-act = **{ ID($number) }** · { $actor ->
    [none] a former moderator
   *[other] <@{ ID($actor) }>
} · { $act ->
    [open-case] open-case
    [claim] claim
    [escalate] escalate
    [approve] approve
    [remove] remove
    [warn] warn
    [timeout] timeout
    [ban] ban
    [block] block
    [propose] propose
    [propose-ban] propose-ban
    [discord-sanction] discord-sanction
    [discord-lifted] discord-lifted
    [note] note
    [member-note] member-note
    [note-remove] note-remove
    [amend] amend
    [pardon] pardon
    [unban] unban
    [unblock] unblock
    [appeal-upheld] appeal-upheld
    [appeal-overturned] appeal-overturned
    [cancel] cancel
    [purge] purge
    [restore] restore
    [raid-on] raid-on
    [raid-off] raid-off
    [panic-open] panic-open
    [panic-pause] panic-pause
    [panic-family] panic-family
    [panic-known] panic-known
    [rule-add] rule-add
    [rule-edit] rule-edit
    [rule-import] rule-import
    [rule-remove] rule-remove
    [policy-preset] policy-preset
    [policy-category] policy-category
    [policy-reset] policy-reset
    [log-channel] log-channel
    [mod-role] mod-role
    [second-for-bans] second-for-bans
    [case-role] case-role
    [kept-reason] kept-reason
    [quiet-hours] quiet-hours
    [digest] digest
    [style-remove] style-remove
    [paid-access] paid-access
    [export] export
    [read-log] read-log
   *[other] { $act }
}
mod-audit-subject = { $kind ->
    [case] case { $name }
    [job] job { $name }
   *[rule] rule { PLAIN($name) }
}
mod-audit-detail = { $name ->
    [account-age] account age
    [action] action
    [category] category
    [channel] channel
    [flag] flag
    [hour] hour
    [hours] hours
    [is-needed] is needed
    [is-shadow] is shadow
    [level] level
    [member-age] member age
    [note] note
    [orders] orders
    [outcome] outcome
    [pictures] pictures
    [power] power
    [preset] preset
    [refuse] refuse
    [role] role
    [role] role
    [rows] rows
    [rules] rules
    [since] since
    [strike-until] strike until
    [until] until
    [version] version
    [was-blocked] was blocked
    [what] what
    [where] where
   *[other] { $name }
} { $code ->
    [yes] yes
    [no] no
    [all] all
    [server] server
    [age-restricted] age-restricted
    [channel] channel
    [family] family
    [standard] standard
    [mature] mature
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
    [as-found] as found
    [allow] allow
    [flag] flag
    [refuse] refuse
    [approve] approve
    [remove] remove
    [warn] warn
    [timeout] timeout
    [ban] ban
    [block] block
    [cases] cases
    [log] log
    [none] none
    [helper] helper
    [moderator] moderator
    [head] head
   *[other] { $value }
}

## Amending and taking back

command-mod-pardon = Take back a case's strike, and its timeout or ban
    .number = The case
    .reason = For the case and the log
mod-pardoned = Case { ID($number) }: <@{ ID($member) }> is pardoned. { PLAIN($reason) }.
command-mod-desk = Show how this server handles cases, or change it
    .second_for_bans = Whether another moderator must confirm a ban (needs Manage Server)
mod-desk = **Ladder** { $rungs }
    { "" }**Strikes** count for { $days ->
        [one] { $days } day
       *[other] { $days } days
    }
    { "" }**A ban** { $is_second ->
        [yes] needs a second moderator
       *[no] needs one moderator
    }
    { "" }**Cards** { $channel ->
        [none] have no channel that I can use: `/mod log-channel` chooses one
       *[other] are posted in <#{ ID($channel) }>
    }; a new case mentions { $role ->
        [none] no role
       *[other] <@&{ ID($role) }>
    }
    { "" }**Quiet hours** { $is_quiet ->
        [yes] from { ID($begin) }:00 to { ID($end) }:00 UTC
       *[no] none
    }
    { "" }**Digest** { $has_digest ->
        [yes] every day at { ID($hour) }:00 UTC
       *[no] none
    }. `/server cards` changes these.

## Levels

mod-level = { $level ->
    [helper] helper: sees and proposes
    [moderator] moderator: decides
    [head] head: bans, and changes the rules
   *[none] none: takes the choice back
}
mod-level-chosen = { $level ->
    [helper] <@&{ ID($role) }> makes helpers: they see cases and propose, and a moderator confirms.
    [moderator] <@&{ ID($role) }> makes moderators: they decide cases.
    [head] <@&{ ID($role) }> makes heads: from now on only heads ban and change the rules.
   *[none] <@&{ ID($role) }> has no level any more.
}
mod-levels = **Roles** helpers: { $helpers ->
    [none] none
   *[other] { $helpers }
} · moderators: Manage Messages{ $moderators ->
    [none] { "" }
   *[other] { " " }or { $moderators }
} · heads: Manage Server{ $heads ->
    [none] { $is_deleted ->
        [yes] ; only they ban and change the rules. The role of the level head was deleted: the next `/server level` takes its choice back
       *[no] ; every moderator bans and changes the rules
    }
   *[other] { " " }or { $heads }; only they ban and change the rules
}

## Acts without a card

command-mod-block = Keep a member from making pictures, for a time or until lifted
    .member = Whom to block
    .reason = Shown to the member
    .duration = 30m, 12h, 7d or 2w; left out: until lifted
command-mod-unblock = Lift a member's blocks, and Discord's own timeout or ban that came with them
    .member = Who may make pictures again
command-mod-strike = Give a strike, with the ladder's sanction for it
    .member = Whom
    .reason = Shown to the member
command-mod-warn = Give a warning; it counts as a strike
    .member = Whom
    .reason = Shown to the member
command-mod-timeout = No pictures for a time, and Discord's own timeout where you may set it
    .member = Whom
    .duration = 30m, 12h, 7d or 2w
    .reason = Shown to the member
command-mod-ban = Ban from making pictures, and Discord's own ban where you may set it
    .member = Whom
    .reason = Shown to the member
    .duration = 30m, 12h, 7d or 2w; left out: until lifted
    .whose = Left out: both, where you and I may
mod-whose = { $whose ->
    [bot] the bot's alone: no pictures
    [both] the bot's and Discord's: not in this server
   *[discord] Discord's own ban alone
}
command-mod-unban = Lift a timeout or ban, the bot's and Discord's; the strike stays
    .member = Who may make pictures again
    .reason = For the log
    .whose = Left out: both
mod-not-blocked-by-me = They are not blocked by me.
mod-discords-stays = Discord's own timeout and ban stay as they are.
mod-no-discord-ban = Discord has no ban of theirs that I could lift.
mod-bot-ban-stays = The bot's goes on, { case-until }.
command-mod-purge = Take down all recent pictures of a member, or of all members
    .since = The last 30m, 12h, 7d
    .reason = For the log
    .member = Left out: all members (needs Manage Server or the level head)
mod-purged = { case-orders } taken down; `/mod restore` allows similar pictures again, and brings styles back.
mod-purge-styles = { $styles ->
    [one] { $styles } style that was saved since then is removed too:
   *[other] { $styles } styles that were saved since then are removed too:
} { $names }{ $more ->
    [0] .
   *[other] { " " }and { $more } more.
}
mod-purge-more = There may be more: use it again.
mod-purge-left = { $messages ->
    [one] Discord did not let me delete { $messages } message. Delete it by hand:
   *[other] Discord did not let me delete { $messages } messages. Delete them by hand:
} { $links }{ $more ->
    [0] .
   *[other] { " " }and { $more } more.
}
command-mod-remove = Take pictures down: the message, and the files behind it
    .picture = A job's id, or a link to its message
    .reason = For the log
mod-no-reason = no reason given
mod-menu-reason = removed with the message menu
mod-removed = Removed: job { $job } of <@{ ID($member) }>.
mod-removed-looks = Similar pictures are refused here from now on; `/mod restore` allows them again.
command-mod-restore = Allow pictures similar to removed ones again; bring removed styles back
    .reason = For the log
    .picture = A job's id, or a link to where its message was
    .since = Or all that were removed in the last 30m, 12h, 7d, styles too
    .member = Of these, only this member's; left out: all members' (needs Manage Server or the level head)
    .style = Or this removed style
mod-restored = { $pictures ->
    [one] Pictures similar to { $pictures } removed picture are allowed here again. The removed picture itself stays deleted.
   *[other] Pictures similar to { $pictures } removed pictures are allowed here again. The removed pictures themselves stay deleted.
}
mod-restored-styles = { $styles ->
    [one] Back is the style { $names }, without its picture.
   *[other] Back are the styles { $names }, without their pictures.
}
command-mod-log-channel = Where refusals and flags are posted
    .channel = One that only moderators can read
mod-log-channel = Refusals and flags go to <#{ ID($channel) }> from now on.
mod-log-channel-public = ⚠️ Everyone can read <#{ ID($channel) }>: all members would see refused prompts, and who wrote them.
mod-log-channel-confirm = Use it anyway

## Lockdown

command-mod-raid = Raid mode: young accounts and new members can't order
    .state = On or off
    .account_age = How old an account must be: 12h, 7d, 2w; left out: 7d
    .member_age = How long a member must have been here; left out: 1d
    .lasts = When it ends by itself: 12h, 7d, 2w; left out: 1d
mod-choice-on = on
mod-choice-off = off
mod-raid = { $is_raid ->
    [yes] Raid mode is on: only accounts older than { SPAN($account_age) }, and members for more than { SPAN($member_age) }, can order.{ ends-at }
   *[no] Raid mode is off.
}
command-mod-panic = The panic switch: pause, family only, known members only, or open again
    .mode = Who may order from now on
    .reason = Shown to members
    .lasts = { command-mod-raid.lasts }
mod-choice-mode-open = open
mod-choice-mode-pause = pause
mod-choice-mode-family = family
mod-choice-mode-known = known
mod-panic = { $mode ->
    [pause] Picture making is paused: no member can order. Jobs in the queue are still drawn; `/mod purge` cancels them.
    [family] Picture making is family only: prompts that would be flagged are refused, and no channel counts as age-restricted.
    [known] Picture making is for known members only: those who made pictures here before.
   *[open] Picture making is open to all members.
}{ ends-at }{ reason-given }
mod-lockdown-ended = { $is_raid ->
    [yes] { $is_panic ->
        [yes] Raid mode and the panic switch have ended by themselves.
       *[no] Raid mode has ended by itself.
    }
   *[no] The panic switch has ended by itself.
}
mod-desk-raid = **Raid** { $line }
mod-desk-panic = **Panic** { $line }
mod-done-by = { $text }
    -# by <@{ ID($member) }>

## The server's own rules

command-mod-rule = This server's own rules
command-mod-rule-add = Add a rule: words that refuse or flag a prompt
    .name = Shown to moderators
    .words = Separated by commas; one of them is enough
    .beside = Only together with one of these
    .unless = But not inside these: killer whale
    .ruling = Left out: refuse
    .category = For the log; left out: spam
    .shadow = Only log matches; decide nothing
mod-rule-added = { $does ->
    [shadow] The rule { CODE($name) } only logs from now on. { mod-rule-version }
    [flag] The rule { CODE($name) } flags from now on. { mod-rule-version }
   *[refuse] The rule { CODE($name) } refuses from now on. { mod-rule-version }
}
mod-rule-version = The rule book is at version { ID($version) }.
command-mod-rule-edit = Change a rule; earlier versions keep it as it was
    .name = Its name
    .words = New words, separated by commas
    .beside = Only together with one of these; a hyphen: without that
    .unless = But not inside these; a hyphen: without that
    .ruling = Left out: as it is
    .category = Left out: as it is
    .shadow = Only log matches; decide nothing
    .new_name = Another name
command-mod-rule-import = Take rules from a file: new ones are added, those of the same name replaced
    .file = JSON, as /mod rule export writes it
mod-rule-imported = { $added } added, { $changed } changed, { $same } the same already. { mod-rule-version }
command-mod-rule-export = The rules as a file, to edit them or to take them to another server
mod-rule-exported = { $count ->
    [one] { $count } rule. `/mod rule import` reads the file.
   *[other] { $count } rules. `/mod rule import` reads the file.
}
command-mod-rule-remove = Remove a rule; earlier versions keep it
    .name = Its name
mod-rule-removed = The rule { CODE($name) } is removed. { mod-rule-version }
command-mod-rule-list = The rules, and how often each fired
    .version = As the rule book was then; left out: as it is
mod-rule-list = ### Rules · version { ID($version) } of { ID($newest) }
mod-rule-line = **{ PLAIN($name) }** · { $ruling ->
    [flag] flags
   *[refuse] refuses
}{ $is_shadow ->
    [yes] { " " }· shadow
   *[no] { "" }
} · { $hits ->
    [one] fired { $hits } time
   *[other] fired { $hits } times
} · last week: { $is_shadow ->
    [yes] logged
   *[no] { $ruling ->
        [flag] flagged
       *[refuse] refused
    }
} { $newly } · since version { ID($since) }
    -# { PLAIN($words) }
mod-rule-more = -# and { $count } more
mod-rule-none = There are no rules. `/mod rule add` makes one; `/mod rule test` tries it first.
command-mod-rule-test = Try a rule on the last prompts; changes nothing
    .name = A rule of this server
    .words = Or words to try, separated by commas
    .last = How many prompts; left out: 5000
mod-rule-test = { $ruling ->
    [refuse] Would have refused { $hits } of { $read }, { $good } by members in good standing.
   *[flag] Would have flagged { $hits } of { $read }, { $good } by members in good standing.
}
mod-rule-hits-must = ⚠️ It hits { $count } of the prompts that must always be allowed, such as { CODE($example) }.
