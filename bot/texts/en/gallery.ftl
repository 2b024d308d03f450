# Cards of running jobs, galleries, their buttons and forms.

gallery-kept-until-room = The bot's disk is full. The job is kept, and goes on when there is room again.
