# Discord's own menus: /server, and what members do about pictures that are not theirs.

command-server = What this server chooses
command-server-policy = What is done about what is found in prompts
command-server-policy-show = What holds in this server, in age-restricted channels and in a channel
    .channel = Left out: this one
command-server-policy-preset = Choose family, standard or mature; changes made there before go
    .preset = What to start from
    .where = Left out: this server
    .channel = For one channel and its threads
command-server-policy-category = Change what is done about one category
    .category = What was found
    .action = What is done with it; as found: what the rule or the score says
    .flag = Flagged from this score on, 0.01 to 1; 1: never by score
    .refuse = Refused from this score on, 0.01 to 1; 1: never by score
    .where = { command-server-policy-preset.where }
    .channel = { command-server-policy-preset.channel }
command-server-policy-reset = Back to what holds without the choice
    .category = Only this one's change; left out: the preset and all changes there
    .where = { command-server-policy-preset.where }
    .channel = { command-server-policy-preset.channel }

menu-report = Report
report-title = Report a picture
report-reason = What is wrong with it?
report-thanks = Thank you: the moderators look at it. Only they see who reported.
