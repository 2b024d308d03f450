# Discord's own menus: what members order, and their lists. A command's message is its description, the attributes are its options'.

command-imagine = Four pictures from a prompt; then U1-U4 enlarge one, V1-V4 vary one
    .prompt = What the picture shows; --ar 3:2 --seed 7 --no text --steps 20 --cfg 5 work in here too
    .negative = What it should not show
    .aspect = Width to height
    .seed = The same seed and prompt give the same picture again
    .steps = More is slower and finer
    .guidance = How closely to follow the prompt
    .images = How many pictures
    .model = Which model draws
    .lora = What it draws with, such as pixel:0.8; several are separated by spaces
    .preset = One of yours, put behind the prompt; /preset save makes one
    .file = A text file, or a PNG of mine to draw again; the prompt is put behind it (. for nothing) and wins
command-preset = Words and parameters that you want again and again
command-preset-save = Keep something to put behind a prompt, under a name
    .name = One word; a preset that has it already is replaced
    .text = As you would type it behind a prompt: golden hour, film grain --ar 3:2 --no people
command-preset-list = Your presets, which only you see
command-preset-delete = Delete a preset
    .name = Its name
command-history = Your pictures, newest first
command-queue = Your jobs in line; cancel one
