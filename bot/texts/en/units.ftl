# Times and sizes in words.

size-kib = { $size } KiB
size-mib = { $size } MiB
wait-seconds = { $count } s
wait-minutes = { $count } min
wait-hours = { $count } h
span-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
span-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
span-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
span-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
span-weeks = { $count ->
    [one] { $count } week
   *[other] { $count } weeks
}
# A time in a sentence such as "the last week".
period-minutes = { $count ->
    [one] minute
   *[other] { $count } minutes
}
period-hours = { $count ->
    [one] hour
   *[other] { $count } hours
}
period-days = { $count ->
    [one] day
   *[other] { $count } days
}
period-weeks = { $count ->
    [one] week
   *[other] { $count } weeks
}
