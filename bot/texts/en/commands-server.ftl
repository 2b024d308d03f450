# Discord's menus: /server, and members' reports.

command-server = This server's settings
command-server-policy = The moderation policy of this server
command-server-policy-show = Show the policy of this server, of age-restricted channels and of a channel
    .channel = Left out: this one
command-server-policy-preset = Choose family, standard or mature; earlier changes there are deleted
    .preset = The preset to start from
    .where = Left out: this server
    .channel = For one channel and its threads
command-server-policy-category = Change what happens with one category
    .category = The category to change
    .action = What happens with it; as found: as the rule or the score says
    .flag = Flagged from this score on, 0.01 to 1; 1: never by score
    .refuse = Refused from this score on, 0.01 to 1; 1: never by score
    .where = { command-server-policy-preset.where }
    .channel = { command-server-policy-preset.channel }
command-server-policy-reset = Take a choice back
    .category = Only this category; left out: the preset and all changes there
    .where = { command-server-policy-preset.where }
    .channel = { command-server-policy-preset.channel }
command-server-level = Choose which role makes helpers, moderators or heads
    .role = The role
    .level = What its members may do
command-server-paid = Say whether members pay for access here; some models' licences forbid that
    .is_paid = Members pay for access

menu-picture = Picture…
report-title = Report a picture
report-reason = What is wrong with it?
report-thanks = Thank you. The moderators will look at it. Only they see who reported.
