# Discord's menus: members' orders and lists. A command's message is its description; its attributes describe the options.

command-imagine = Four pictures from a prompt; then U1-U4 enlarge one, V1-V4 vary one
    .prompt = What the picture shows; --ar 3:2 --seed 7 --no text --steps 20 --cfg 5 work in here too
    .negative = What it should not show
    .aspect = Width to height
    .seed = The same seed and prompt give the same picture again
    .steps = More is slower and finer
    .guidance = How closely to follow the prompt
    .images = How many pictures
    .model = Which model draws
    .scheduler = How its noise is removed, such as DPM++ 2M Karras
    .lora = LoRAs to draw with, such as pixel:0.8; separate several with spaces
    .preset = One of your presets, put behind the prompt; /preset save makes one
    .file = A text, or a picture with its parameters, to draw again; the prompt (. for none) is put behind it
command-ideas = Prompts that the model draws well, as buttons; 🎲 draws any
command-preset = Saved words and parameters for your prompts
command-preset-save = Save text to put behind a prompt, under a name
    .name = One word; a preset of the same name is replaced
    .text = As you would type it behind a prompt: golden hour, film grain --ar 3:2 --no people
command-preset-list = Your presets, which only you see
command-preset-delete = Delete a preset
    .name = Its name
command-help = The commands, and what they do
    .about = One of them, with its options; or a group, such as mod
command-history = Your pictures, newest first
command-queue = Your jobs in the queue; cancel one
