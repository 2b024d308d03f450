## The page on which a member draws a region, and its buttons in Discord

drawn-link = Draw the region on the page, then come back and press *Go on*. The link is yours alone and takes one region. It ends { MOMENT($ends, style: "R") }.
drawn-open = Open the page
drawn-go-on = Go on
mask-page = Draw a region
    .hint = Paint over what is drawn anew. The rest of the picture stays.
    .canvas = The picture. Arrow keys move the brush, Space paints.
    .brush = Brush
    .erase = Eraser
    .size = Size
    .undo = Undo
    .clear = Clear
    .send = Send the region
    .sending = Sending…
    .failed = The region could not be sent. Check the connection and try again.
    .empty = Paint over a part of the picture first.
    .script = This page needs JavaScript.
mask-page-sent = The region is sent. Go back to Discord and press Go on.
mask-page-link = { $fault ->
    [expired] This link has ended. Press Draw the region in Discord again.
    [used] This link has taken its region. Go back to Discord and press Go on.
   *[unknown] There is no such page. Press Draw the region in Discord for a new link.
}
mask-page-drawing = { $fault ->
    [empty] Paint over a part of the picture first.
    [thin] The region is too thin: its soft edge covers all of it. Paint with a larger brush.
   *[form] This is no region of the picture. Load the page again.
}
