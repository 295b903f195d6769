#!/usr/bin/env bash
# date-holidays 3.37.0 (npm), public holidays of Russia.
#
# The Labour Code moves the day off of a holiday that falls on a weekend to the next working day. The library does
# so for 8 March (Sunday in 2026: Monday 9 March is off), and not for 9 May (Saturday in 2026: Monday 11 May is off by
# the law and worked in the library); nor does it know the days that a yearly decree moves. So its year has 250 working
# days where the official one has 247, and the months that are wrong are not those that one looks at first.
#
# Seen: 250 working days in 2026; 2026-03-09 off, 2026-05-11 and 2026-12-31 worked.
# Exits 1 if that has changed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent date-holidays@3.37.0 >/dev/null
cat >year.js <<'JS'
const Holidays = require('date-holidays');
const dayOf = (t) => new Date(t).toISOString().slice(0, 10);
const off = new Set();
for (const holiday of new Holidays('RU').getHolidays(2026)) {
  if (holiday.type !== 'public') continue;
  for (let t = Date.parse(holiday.date.slice(0, 10) + 'T00:00:00Z'); t < +holiday.end; t += 86400000) off.add(dayOf(t));
}
let working = 0;
for (let t = Date.UTC(2026, 0, 1); t < Date.UTC(2027, 0, 1); t += 86400000) {
  if (new Date(t).getUTCDay() % 6 !== 0 && !off.has(dayOf(t))) working++;
}
console.log(working, ...['2026-03-09', '2026-05-11', '2026-12-31'].map((day) => (off.has(day) ? 'off' : 'worked')));
JS
seen=$(TZ=UTC node year.js)
echo "$seen"
[ "$seen" = "250 off worked worked" ]
