# What is kept about a member: the file of it, and its deletion.

privacy-orders = { $orders ->
    [one] { $orders } order
   *[other] { $orders } orders
}
privacy-pictures = { $pictures ->
    [one] { $pictures } picture
   *[other] { $pictures } pictures
}
privacy-until = { $until ->
    [none] until it is lifted
   *[other] until { MOMENT($until) }
}

command-privacy = What I keep about you
command-privacy-export = What I keep about you, as a file that only you see
command-privacy-delete = Delete what I keep about you; says first what stays, and asks

privacy-export = What I keep about you, in every server: `data.json` { $left ->
    [0] and { privacy-pictures }.
   *[other] and your newest { privacy-pictures }. { $left } more don't fit into the { SIZE($limit) } that Discord takes here; `data.json` lists them, and `/history` shows them.
}
    -# Left out: how the filter decides, and other people's words and names.

## Before

privacy-question =
    ### Delete what I keep about you, in every server
    - { privacy-orders } and { privacy-pictures }, and the messages that show them
    - your presets, your prompts in the moderators' log, your reports, and cases about you that are over, with their cards
privacy-in-line = - { privacy-orders } in line: cancelled, and given back
privacy-copy-first =
    That can't be undone. `/privacy export` gives you a copy first.
    { "**" }What stays, and for how long**
privacy-asked-before = -# You asked for it before; something of that is still left, as it says above.
privacy-delete = Delete my data

## After

privacy-deleting = ### Your data is being deleted
privacy-cancelled = { privacy-orders } cancelled and given back.
privacy-going = Your pictures go now, and the messages that show them as fast as Discord lets me. **What stays**

## What stays, before and after

privacy-stays-strike = - a strike { privacy-until }: what, why and until when, not what it was about
privacy-stays-block = - a block or ban { privacy-until }, and its reason
privacy-stays-cases = { $cases ->
    [one] - { $cases } open case about you: until the moderators have decided
   *[other] - { $cases } open cases about you: until the moderators have decided
}
privacy-stays-acts = { $days ->
    [one] - what you did as a moderator, with your name: { $days } day from each act
   *[other] - what you did as a moderator, with your name: { $days } days from each act
}
privacy-stays =
    - what you were charged in the last 24 hours, without your prompts: until they are over
    - what of yours was refused in the last 24 hours, and reports of the last hour: until they are over
    - what others made of your pictures: it is theirs
    - the moderators' cards of refused prompts, which I can't find again, and copies that this bot's owner made
