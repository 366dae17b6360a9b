# Prints the sessions of the New York Stock Exchange from -v from=YYYY-MM-DD to -v to=YYYY-MM-DD, both included,
# one a line. Reads the closures that no rule foretells: a CSV with a header, whose first field is the day.
#
# Rules: Monday to Friday but the holidays of NYSE Rule 7.2 as they stand since 1998. A holiday on a Sunday is kept
# on the Monday after it, one on a Saturday on the Friday before it; only New Year's Day on a Saturday is not made
# up for. Days are numbered from 1970-01-01, which was a Thursday.

BEGIN { FS = "," }

# Adding 0 makes a number: a piece of text would be compared as text.
FNR > 1 { closed[first_of(substr($1, 1, 4) + 0, substr($1, 6, 2) + 0) + substr($1, 9, 2) - 1] = 1 }

END {
    if (from < "1998") {
        print "sessions.awk: the rules hold from 1998 on, not from " from > "/dev/stderr"
        exit 1
    }
    for (year = substr(from, 1, 4) + 0; year <= substr(to, 1, 4) + 0; year++) {
        close_holidays(year)
        for (month = 1; month <= 12; month++) print_sessions(year, month)
    }
}

function print_sessions(year, month,    first, day, text) {
    first = first_of(year, month)
    for (day = first; day < first_of(year, month + 1); day++) {
        text = sprintf("%04d-%02d-%02d", year, month, day - first + 1)
        if (text >= from && text <= to && weekday(day) % 6 != 0 && !(day in closed)) print text
    }
}

function close_holidays(year) {
    if (weekday(first_of(year, 1)) != 6) observe(first_of(year, 1))         # New Year's Day
    observe(nth_weekday(year, 1, 3, 1))                                     # Martin Luther King Jr. Day
    observe(nth_weekday(year, 2, 3, 1))                                     # Presidents' Day
    observe(easter(year) - 2)                                               # Good Friday
    observe(nth_weekday(year, 6, 1, 1) - 7)                                 # Memorial Day, the last Monday of May
    if (year >= 2022) observe(first_of(year, 6) + 18)                       # Juneteenth
    observe(first_of(year, 7) + 3)                                          # Independence Day
    observe(nth_weekday(year, 9, 1, 1))                                     # Labor Day
    observe(nth_weekday(year, 11, 4, 4))                                    # Thanksgiving Day
    observe(first_of(year, 12) + 24)                                        # Christmas Day
}

function observe(day) {
    if (weekday(day) == 0) day++
    if (weekday(day) == 6) day--
    closed[day] = 1
}

# The number of the nth (from 1) given weekday (0 is Sunday) of a month.
function nth_weekday(year, month, nth, wanted,    first) {
    first = first_of(year, month)
    return first + (wanted - weekday(first) + 7) % 7 + 7 * (nth - 1)
}

function weekday(day) {
    return (day + 4) % 7
}

# The number of a month's first day; month 13 is next January. Fliegel and Van Flandern, "A machine algorithm for
# processing calendar dates", Communications of the ACM 11, 1968: a Julian day number, less that of 1970-01-01.
function first_of(year, month,    shift, days) {
    shift = (month < 3) ? 1 : 0
    year = year + 4800 - shift
    month = month + 12 * shift - 3
    days = 365 * year + int(year / 4) - int(year / 100) + int(year / 400)
    return 1 + int((153 * month + 2) / 5) + days - 32045 - 2440588
}

# Easter Sunday by the anonymous Gregorian computus: Meeus, "Astronomical Algorithms", chapter 8.
function easter(year,    golden, century, leap, skipped, moon, epact, sunday, late, total) {
    golden = year % 19
    century = int(year / 100)
    leap = int(century / 4)
    skipped = century % 4
    moon = int((century - int((century + 8) / 25) + 1) / 3)
    epact = (19 * golden + century - leap - moon + 15) % 30
    sunday = (32 + 2 * skipped + 2 * int((year % 100) / 4) - epact - (year % 100) % 4) % 7
    late = int((golden + 11 * epact + 22 * sunday) / 451)
    total = epact + sunday - 7 * late + 114
    return first_of(year, int(total / 31)) + total % 31
}
