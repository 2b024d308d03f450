# /verify and the message menu: whether this bot made a picture, when, from what, and for whom.

command-verify = Did this bot make that picture? When, and from what?
    .picture = PNG, JPEG or WebP

verify-made = { $certainty ->
    [sure] **This bot made it** on { MOMENT($at) }.
    [likely] **This bot probably made it** on { MOMENT($at) }.
   *[forgotten] **This bot made it**, but its order is not known any more.
}
verify-known-by = { $more ->
    [none] Recognised by { $way }.
   *[other] Recognised by { $more } and { $way }.
}
verify-way = { $how ->
    [credentials] its signed credentials (the file is unchanged)
    [mark] its invisible mark
    [parameters] the parameters in the file, which any program could write
   *[likeness] its similarity to a picture of mine
}
verify-changed = The file was changed after it was signed.
verify-job = { $picture ->
    [none] job { $job }
   *[other] picture { $picture } of job { $job }
}
verify-drawn = -# { verify-job } · { $model }{ $action ->
    [upscale] { " " }· upscaled
   *[other] { " " }· { $steps ->
        [one] { ID($steps) } step
       *[other] { ID($steps) } steps
    } · cfg { $cfg }{ $loras ->
        [none] { "" }
       *[other] { " " }· { $loras }
    }
} · seed { ID($seed) }
verify-prompt = > { PLAIN($prompt, limit: 350) }
verify-negative = > negative: { PLAIN($negative, limit: 350) }
verify-asked-by = Asked for by <@{ ID($member) }> ({ PLAIN($name) }) in <#{ ID($channel) }>.
verify-others = -# Other signs point to { $jobs }.
verify-foreign = { "**" }Another Atelier bot** signed it, not this one. Its credentials say that an AI model drew it.
verify-not-ours = { $was_changed ->
    [yes] **It has an Atelier's credentials, but was changed after signing**, so they prove nothing.
   *[no] **There is no sign that this bot made it**: it has no credentials, no mark and no parameters of this bot, and looks like none of its pictures.
}
    -# Cropping, rotating or redrawing can remove all signs, so this is no proof.
verify-left = { $count ->
    [one] -# I have not looked at { $count } more file of this message: `/verify` takes one at a time.
   *[other] -# I have not looked at { $count } more files of this message: `/verify` takes one at a time.
}
