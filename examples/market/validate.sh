#!/usr/bin/env bash
# Validates the prices and features under the directory that MARKET_DATA names, and prints a report.
#
#   validate.sh [--from DAY] [--to DAY] [--symbols A,B,…] [--max-return FRACTION]
#
# Every check is a command that prints one finding a line; a check without findings passes. The days default to the
# first and last of prices.csv, the symbols to those it names. A daily return beyond --max-return (default 0.60) is
# an outlier.
# Exit status: 0 all checks passed; 1 a check failed; 2 wrong use, or a file is missing.
set -euo pipefail
export LC_ALL=C

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
shown=5                 # findings printed of each failed check
from='' to='' symbols='' max_return=0.60
passed=0 failed=0

price_header=day,symbol,open,high,low,close,volume,adj_close
feature_header=day,symbol,return_1d,log_return_1d,sma_fast,sma_slow,sma_slope,volatility
feature_header=$feature_header,drawdown,day_range,regime,swing

main() {
    parse_options "$@"
    open_tables
    printf 'validating %s: %s to %s, %s\n\n' "$MARKET_DATA" "$from" "$to" "$symbols"
    validate_prices
    validate_features
    printf '\n'
    print_notes
    printf '\nresult: %d checks passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
}

validate_prices() {
    check prices.layout        'every row has the fields of a price'              price_layout
    check prices.order         'rows rise by day and symbol'                      order
    check prices.unique_keys   'no day comes twice for a symbol'                  duplicates "$prices"
    check prices.sessions      'every session since its listing has a row'        missing_sessions
    check prices.closed_days   'no row on a day without a session'                unexpected_sessions
    check prices.row_count     'as many rows as sessions, for each symbol'        row_counts
    check prices.high_low      'low <= open, close <= high, all above zero'       high_low
    check prices.volume        'something was traded every day'                   untraded_days
    check prices.stale         'no day repeats the day before in every figure'    stale_days
    check prices.outliers      "no adjusted return beyond $max_return"            outliers
}

validate_features() {
    check features.layout      'every row has the fields of a feature'             feature_layout
    check features.unique_keys 'no day comes twice for a symbol'                   duplicates "$features"
    check features.keys        'the same days and symbols as the prices'           different_keys
    check features.nulls       'empty only before the first full window'           late_nulls
    check features.ranges      'averages, volatility, drawdown, range in bounds'   out_of_range
    check features.returns     'returns agree with the adjusted closes'            wrong_returns
    check features.regimes     'regimes agree with the slopes'                     wrong_regimes
}

# --- prices: each prints one finding a line ---

price_layout() {
    awk -F, -v header="$price_header" '
        /\r/ { print "line " NR ": a carriage return" }
        NR == 1 { if ($0 != header) print "line 1: " $0; next }
        NF != 8 { print "line " NR ": " NF " fields, not 8"; next }
        $1 !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]$/ { print "line " NR ": day " $1 }
        $2 !~ /^[A-Z][A-Z0-9.]*$/ { print "line " NR ": symbol " $2 }
        $7 !~ /^[0-9]+$/ { print "line " NR ": volume \"" $7 "\"" }
        {
            for (i = 3; i <= 8; i++)
                if (i != 7 && $i !~ /^[0-9]+\.[0-9]+$/) print "line " NR ": column " i " is \"" $i "\""
        }
    ' "$prices"
}

order() {
    tail -n +2 "$prices" | cut -d, -f1,2 | awk 'NR > 1 && $0 < last { print $0 " after " last } { last = $0 }'
}

duplicates() {
    tail -n +2 "$1" | cut -d, -f1,2 | sort | uniq -d
}

missing_sessions() {
    comm -23 "$work/expected_keys" "$work/price_keys"
}

unexpected_sessions() {
    comm -13 "$work/expected_keys" "$work/price_keys"
}

row_counts() {
    awk -F, '
        FILENAME == ARGV[1] { expected[$2]++; next }
        FNR > 1 { found[$2]++ }
        END {
            for (symbol in expected) if (expected[symbol] != found[symbol])
                print symbol ": " expected[symbol] " sessions, " found[symbol] + 0 " rows"
        }
    ' "$work/expected_keys" "$prices" | sort
}

high_low() {
    awk -F, '
        NR > 1 && ($5 + 0 <= 0 || $8 + 0 <= 0 || $5 > $3 + 0 || $5 > $6 + 0 || $4 < $3 + 0 || $4 < $6 + 0) {
            print $1 " " $2 ": open " $3 ", high " $4 ", low " $5 ", close " $6 ", adjusted " $8
        }
    ' "$prices"
}

untraded_days() {
    awk -F, 'NR > 1 && $7 + 0 <= 0 { print $1 " " $2 ": volume " $7 }' "$prices"
}

stale_days() {
    awk -F, '
        NR > 1 {
            day = $3 "," $4 "," $5 "," $6 "," $7
            if (day == last[$2]) print $1 " " $2 ": " day
            last[$2] = day
        }
    ' "$prices"
}

outliers() {
    awk -F, -v limit="$max_return" '$3 > limit + 0 || $3 < -limit { print $1 " " $2 ": " $3 }' "$work/returns"
}

# --- features: each prints one finding a line ---

feature_layout() {
    awk -F, -v header="$feature_header" '
        /\r/ { print "line " NR ": a carriage return" }
        NR == 1 { if ($0 != header) print "line 1: " $0; next }
        NF != 12 { print "line " NR ": " NF " fields, not 12"; next }
        {
            for (i = 3; i <= 10; i++)
                if ($i !~ /^(-?[0-9]+\.[0-9]+)?$/) print "line " NR ": column " i " is \"" $i "\""
        }
        $11 !~ /^(up|down|sideways)?$/ { print "line " NR ": regime " $11 }
        $12 !~ /^(calm|wild)?$/ { print "line " NR ": swing " $12 }
    ' "$features"
}

different_keys() {
    comm -3 "$work/price_keys" "$work/feature_keys" |
        sed -e 's/^\t/only in features: /' -e 't' -e 's/^/only in prices: /'
}

# Once a symbol has a value in a column, it has one on every later day; drawdown and range have none missing.
late_nulls() {
    tail -n +2 "$features" | awk -F, '
        {
            for (i = 3; i <= 12; i++) {
                if ($i != "") seen[$2, i] = 1
                else if (seen[$2, i] || i == 9 || i == 10) print $1 " " $2 ": column " i " is empty"
            }
        }
    '
}

out_of_range() {
    awk -F, '
        NR == 1 { next }
        $3 != "" && $3 + 0 <= -1 { print $1 " " $2 ": return " $3 }
        $5 != "" && $5 + 0 <= 0 || $6 != "" && $6 + 0 <= 0 { print $1 " " $2 ": averages " $5 ", " $6 }
        $8 != "" && ($8 + 0 < 0 || $8 + 0 > 10) { print $1 " " $2 ": volatility " $8 }
        $9 + 0 > 0 || $9 + 0 <= -1 { print $1 " " $2 ": drawdown " $9 }
        $10 + 0 < 0 { print $1 " " $2 ": range " $10 }
    ' "$features"
}

# Worked out again from the prices; features have 8 places.
wrong_returns() {
    awk -F, '
        FILENAME == ARGV[1] { expected[$1, $2] = $3; next }
        FNR > 1 && $3 != "" {
            off = $3 - expected[$1, $2]
            if (off > 0.00000002 || off < -0.00000002) print $1 " " $2 ": " $3 ", expected " expected[$1, $2]
        }
    ' "$work/returns" "$features"
}

# Whatever the threshold was, sideways slopes are nearer to zero than trends, and a trend has the sign of its slope.
wrong_regimes() {
    awk -F, '
        NR == 1 { next }
        ($7 == "") != ($11 == "") { print $1 " " $2 ": regime \"" $11 "\" at slope \"" $7 "\"" }
        ($8 == "") != ($12 == "") { print $1 " " $2 ": swing \"" $12 "\" at volatility \"" $8 "\"" }
        $11 == "up" && $7 + 0 < 0 || $11 == "down" && $7 + 0 > 0 { print $1 " " $2 ": " $11 " at slope " $7 }
        $11 == "" { next }
        { size = ($7 < 0) ? -$7 : $7 + 0 }
        $11 == "sideways" && size > widest { widest = size }
        $11 != "sideways" && (!trends++ || size < narrowest) { narrowest = size }
        END { if (trends && widest > narrowest) print "sideways up to " widest ", a trend from " narrowest " on" }
    ' "$features"
}

# --- notes: what a reader wants to know, good or bad ---

print_notes() {
    printf 'rows and regimes (sessions without a label are not full windows yet)\n'
    awk -F, '
        NR > 1 { rows[$2]++; regime[$2, $11]++ }
        END {
            for (symbol in rows)
                printf "  %-5s %5d rows   up %5d   sideways %5d   down %5d   none %5d\n", symbol, rows[symbol],
                    regime[symbol, "up"], regime[symbol, "sideways"], regime[symbol, "down"], regime[symbol, ""]
        }
    ' "$features" | sort
    printf 'largest daily moves\n'
    awk -F, '{ print ($3 < 0 ? -$3 : $3) "," $0 }' "$work/returns" | sort -t, -k1,1gr -k2 |
        awk -F, 'NR <= 5 { printf "  %s %-5s %+8.2f %%\n", $2, $3, 100 * $4 }'
    printf 'splits and special dividends (the adjusted close moved by 5 %% or more against the close)\n'
    awk -F, '
        NR > 1 {
            factor = ($6 > 0) ? $8 / $6 : 0
            step = (last[$2] > 0) ? factor / last[$2] : 1
            if (step >= 1.05 || step <= 0.95) printf "  %s %-5s x %.4f\n", $1, $2, step
            last[$2] = factor
        }
    ' "$prices"
}

# --- the tables ---

# Prints day,symbol,return for each row but a symbol's first.
adjusted_returns() {
    awk -F, -v OFMT=%.10f -v CONVFMT=%.10f '
        NR > 1 { if (last[$2] > 0) print $1 "," $2 "," ($8 / last[$2] - 1); last[$2] = $8 }
    ' "$prices"
}

open_tables() {
    [ -n "${MARKET_DATA:-}" ] || usage 'MARKET_DATA must name the directory of the tables'
    # An absolute path: awk would take one like a=b/prices.csv for an assignment.
    directory=$(cd -- "$MARKET_DATA" && pwd) || exit 2
    prices=$directory/prices.csv
    features=$directory/features.csv
    for table in "$prices" "$features"; do
        [ -r "$table" ] || { printf 'validate.sh: %s: no such file\n' "$table" >&2; exit 2; }
    done
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    tail -n +2 "$prices" | cut -d, -f1,2 | sort -u >"$work/price_keys"
    tail -n +2 "$features" | cut -d, -f1,2 | sort -u >"$work/feature_keys"
    [ -s "$work/price_keys" ] || { printf 'validate.sh: %s: no rows\n' "$prices" >&2; exit 1; }
    from=${from:-$(head -n 1 "$work/price_keys" | cut -d, -f1)}
    to=${to:-$(tail -n 1 "$work/price_keys" | cut -d, -f1)}
    symbols=${symbols:-$(cut -d, -f2 "$work/price_keys" | sort -u | paste -s -d, -)}
    adjusted_returns >"$work/returns"
    awk -v from="$from" -v to="$to" -f "$here/sessions.awk" "$here/closures.csv" >"$work/sessions"
    expected_keys | sort >"$work/expected_keys"
}

# Prints day,symbol for every session that a symbol was listed.
expected_keys() {
    awk -F, -v symbols="$symbols" '
        BEGIN { count = split(symbols, symbol, ",") }
        FILENAME == ARGV[1] { if (FNR > 1) listed[$1] = $2; next }
        { for (i = 1; i <= count; i++) if ($1 >= listed[symbol[i]]) print $1 "," symbol[i] }
    ' "$here/listings.csv" "$work/sessions"
}

check() {
    local id=$1 title=$2 count
    shift 2
    if ! "$@" >"$work/findings" 2>&1; then
        printf 'the check itself failed\n' >>"$work/findings"
    fi
    count=$(wc -l <"$work/findings")
    if [ "$count" -eq 0 ]; then
        passed=$((passed + 1))
        printf 'PASS  %-22s %s\n' "$id" "$title"
        return
    fi
    failed=$((failed + 1))
    printf 'FAIL  %-22s %s: %d findings\n' "$id" "$title" "$count"
    head -n "$shown" "$work/findings" | sed 's/^/        /'
    [ "$count" -le "$shown" ] || printf '        and %d more\n' "$((count - shown))"
}

parse_options() {
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || usage "$1 needs a value"
        case $1 in
            --from) from=$2 ;;
            --to) to=$2 ;;
            --symbols) symbols=$2 ;;
            --max-return) max_return=$2 ;;
            *) usage "$1: no such option" ;;
        esac
        shift 2
    done
}

usage() {
    printf 'validate.sh: %s\n' "$1" >&2
    printf 'usage: validate.sh [--from DAY] [--to DAY] [--symbols A,B] [--max-return FRACTION]\n' >&2
    exit 2
}

main "$@"
