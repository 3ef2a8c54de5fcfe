// Amounts and times as texts of the database write them (notifications_formats); tests/notifications/formats.test.ts
// compares the two.

export type Locale = 'vi' | 'en';

/** Receipts are issued by the calendar of Vietnam. */
const vietnam = 'Asia/Ho_Chi_Minh';

const symbols = new Map([
  ['VND', '₫'],
  ['EUR', '€'],
  ['USD', 'US$'],
]);
const withoutMinorUnit = new Set(
  'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' '),
);
const inThousandths = new Set('BHD IQD JOD KWD LYD OMR TND'.split(' '));

function digitsOf(currency: string): number {
  if (withoutMinorUnit.has(currency)) return 0;
  return inThousandths.has(currency) ? 3 : 2;
}

/** An amount in minor units: `₫1,250,000`, `1.250.000 ₫`. Blanks are no-break spaces. */
export function formatMoney(amount: number, currency: string, locale: Locale): string {
  const digits = digitsOf(currency);
  const number = new Intl.NumberFormat(locale === 'vi' ? 'vi-VN' : 'en-GB', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(Math.abs(amount) / 10 ** digits);
  const symbol = symbols.get(currency) ?? currency;
  const sign = amount < 0 ? '-' : '';
  if (locale === 'vi') return `${sign}${number}\u00a0${symbol}`;
  return `${sign}${symbol}${/[A-Z]$/.test(symbol) ? '\u00a0' : ''}${number}`;
}

const weekdays = {
  vi: ['Chủ Nhật', 'thứ Hai', 'thứ Ba', 'thứ Tư', 'thứ Năm', 'thứ Sáu', 'thứ Bảy'],
  en: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'],
} as const;
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const zones = { vi: '(giờ Việt Nam, GMT+7)', en: '(Vietnam time, GMT+7)' } as const;

const clock = new Intl.DateTimeFormat('en-GB', {
  ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' },
  hourCycle: 'h23',
  timeZone: vietnam,
});

function clockText(instant: string, locale: Locale): string {
  const parts = clock.formatToParts(new Date(instant));
  const part = (wanted: Intl.DateTimeFormatPartTypes): string =>
    parts.find(({ type }) => type === wanted)?.value ?? '';
  const [year, month, day] = [Number(part('year')), Number(part('month')), Number(part('day'))];
  const time = `${part('hour')}:${part('minute')}`;
  const weekday = weekdays[locale][new Date(Date.UTC(year, month - 1, day)).getUTCDay()];
  return locale === 'vi'
    ? `${time}, ${weekday} ${day} tháng ${month}, ${year}`
    : `${weekday} ${day} ${months[month - 1]} ${year}, ${time}`;
}

/** `Mon 30 Nov 2026, 14:30 (Vietnam time, GMT+7)`, `14:30, thứ Hai 30 tháng 11, 2026 (giờ Việt Nam, GMT+7)`. */
export function formatTime(instant: string, locale: Locale): string {
  return `${clockText(instant, locale)} ${zones[locale]}`;
}

/** Two times in one zone. */
export function formatPeriod(from: string, to: string, locale: Locale): string {
  return `${clockText(from, locale)} ${locale === 'vi' ? 'đến' : 'to'} ${formatTime(to, locale)}`;
}
