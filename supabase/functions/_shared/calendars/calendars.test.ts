import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublicAddress } from '../public-address.ts';
import { type CalendarPlace, calendarFetcher } from './fetch-calendar.ts';
import { CalendarProblem, readCalendar } from './read-calendar.ts';
import { wallClockToInstant } from './wall-clock.ts';
import { busyCalendar } from './write-calendar.ts';

const window = { from: Date.parse('2027-01-01T00:00:00Z'), to: Date.parse('2028-01-01T00:00:00Z') };
const calendar = (...lines: string[]) =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Elsewhere//EN', ...lines, 'END:VCALENDAR', ''].join('\r\n');
const event = (...lines: string[]) => [
  'BEGIN:VEVENT',
  'UID:one@elsewhere',
  'DTSTAMP:20270101T000000Z',
  ...lines,
  'END:VEVENT',
];
const read = (lines: string[], timeZone = 'Asia/Ho_Chi_Minh') =>
  readCalendar(calendar(...lines), { timeZone, ...window }).map(
    ({ starts_at, ends_at }) => `${starts_at.slice(0, 16)} ${ends_at.slice(0, 16)}`,
  );

describe('reading a calendar file', () => {
  it('takes a time in UTC as it is, and one that names no zone on the clocks of the listing', () => {
    expect(read(event('DTSTART:20270310T010000Z', 'DTEND:20270310T030000Z'))).toEqual([
      '2027-03-10T01:00 2027-03-10T03:00',
    ]);
    expect(read(event('DTSTART:20270310T080000', 'DTEND:20270310T100000'))).toEqual([
      '2027-03-10T01:00 2027-03-10T03:00',
    ]);
  });

  it('takes a whole day from midnight to midnight of the listing, also when it says no end', () => {
    const day = ['2027-03-09T17:00 2027-03-10T17:00'];
    expect(read(event('DTSTART;VALUE=DATE:20270310', 'DTEND;VALUE=DATE:20270311'))).toEqual(day);
    expect(read(event('DTSTART;VALUE=DATE:20270310'))).toEqual(day);
  });

  it('gives a day on which clocks change its 23 or 25 hours', () => {
    const berlin = (day: string) =>
      read(event(`DTSTART;VALUE=DATE:${day}`, 'RRULE:FREQ=DAILY;COUNT=1'), 'Europe/Berlin');
    expect(berlin('20270328')).toEqual(['2027-03-27T23:00 2027-03-28T22:00']);
    expect(berlin('20271031')).toEqual(['2027-10-30T22:00 2027-10-31T23:00']);
  });

  it('repeats on the clocks of the named zone while these change', () => {
    expect(
      read(
        event(
          'DTSTART;TZID=Europe/Berlin:20270325T200000',
          'DTEND;TZID=Europe/Berlin:20270325T210000',
          'RRULE:FREQ=WEEKLY;COUNT=2',
        ),
      ),
    ).toEqual(['2027-03-25T19:00 2027-03-25T20:00', '2027-04-01T18:00 2027-04-01T19:00']);
  });

  it('ends a rule at its last time in UTC, in a zone that is far from it', () => {
    // 20:00 in Vietnam is 13:00 in UTC
    const daily = (until: string) =>
      read(
        event(
          'DTSTART;TZID=Asia/Ho_Chi_Minh:20270310T200000',
          'DURATION:PT1H',
          `RRULE:FREQ=DAILY;UNTIL=${until}`,
        ),
      ).length;
    expect(daily('20270312T130000Z')).toBe(3);
    expect(daily('20270312T125959Z')).toBe(2);
  });

  it('leaves out what EXDATE names, in whatever zone it says so', () => {
    const rule = [
      'DTSTART;TZID=Asia/Ho_Chi_Minh:20270310T200000',
      'DURATION:PT1H',
      'RRULE:FREQ=DAILY;COUNT=3',
    ];
    const left = ['2027-03-10T13:00 2027-03-10T14:00', '2027-03-12T13:00 2027-03-12T14:00'];
    for (const exdate of [
      'EXDATE;TZID=Asia/Ho_Chi_Minh:20270311T200000',
      'EXDATE:20270311T130000Z',
      'EXDATE;VALUE=DATE:20270311',
      'EXDATE;TZID=Asia/Tokyo:20270311T220000',
    ]) {
      expect(read(event(...rule, exdate)), exdate).toEqual(left);
    }
    expect(read(event(...rule, 'EXDATE:20270311T200000Z')), 'another instant').toHaveLength(3);
  });

  it('moves the occurrence that a RECURRENCE-ID names, and drops it when that is cancelled', () => {
    const rule = event(
      'DTSTART;TZID=Asia/Ho_Chi_Minh:20270310T200000',
      'DURATION:PT1H',
      'RRULE:FREQ=DAILY;COUNT=2',
    );
    const moved = event(
      'RECURRENCE-ID;TZID=Asia/Ho_Chi_Minh:20270311T200000',
      'DTSTART;TZID=Asia/Ho_Chi_Minh:20270315T090000',
      'DURATION:PT2H',
    );
    expect(read([...moved, ...rule])).toEqual([
      '2027-03-10T13:00 2027-03-10T14:00',
      '2027-03-15T02:00 2027-03-15T04:00',
    ]);
    const cancelled = event('RECURRENCE-ID:20270311T130000Z', 'DTSTART:20270311T130000Z', 'STATUS:CANCELLED');
    expect(read([...rule, ...cancelled])).toEqual(['2027-03-10T13:00 2027-03-10T14:00']);
  });

  it('takes no time for what is cancelled, free, without length, or over', () => {
    const hour = ['DTSTART:20270310T010000Z', 'DTEND:20270310T020000Z'];
    expect(read(event(...hour, 'STATUS:CANCELLED'))).toEqual([]);
    expect(read(event(...hour, 'TRANSP:TRANSPARENT'))).toEqual([]);
    expect(read(event('DTSTART:20270310T010000Z'))).toEqual([]);
    expect(read(event('DTSTART:20200310T010000Z', 'DTEND:20200310T020000Z'))).toEqual([]);
    expect(read(event(...hour, 'STATUS:TENTATIVE'))).toHaveLength(1);
  });

  it('knows a zone that only the file describes', () => {
    const zone = [
      'BEGIN:VTIMEZONE',
      'TZID:Our own time',
      'BEGIN:STANDARD',
      'DTSTART:19700101T000000',
      'TZOFFSETFROM:+0530',
      'TZOFFSETTO:+0530',
      'END:STANDARD',
      'END:VTIMEZONE',
    ];
    expect(
      read([
        ...zone,
        ...event('DTSTART;TZID=Our own time:20270310T080000', 'DTEND;TZID=Our own time:20270310T090000'),
      ]),
    ).toEqual(['2027-03-10T02:30 2027-03-10T03:30']);
    expect(
      read(event('DTSTART;TZID=Nowhere:20270310T080000', 'DTEND;TZID=Nowhere:20270310T090000')),
      'as the listing',
    ).toEqual(['2027-03-10T01:00 2027-03-10T02:00']);
    expect(read(event('DTSTART;TZID=/mozilla.org/Asia/Tokyo:20270310T080000', 'DURATION:PT1H'))).toHaveLength(
      1,
    );
  });

  it('makes one time of those that overlap or touch, and finds rules that began long ago', () => {
    const a = event('DTSTART:20270310T010000Z', 'DTEND:20270310T030000Z');
    const b = event('DTSTART:20270310T020000Z', 'DTEND:20270310T040000Z').map((line) =>
      line.replace('one@', 'two@'),
    );
    const c = event('DTSTART:20270310T040000Z', 'DTEND:20270310T050000Z').map((line) =>
      line.replace('one@', 'three@'),
    );
    expect(read([...a, ...b, ...c])).toEqual(['2027-03-10T01:00 2027-03-10T05:00']);
    expect(read(event('DTSTART:19950310T010000Z', 'DTEND:19950310T020000Z', 'RRULE:FREQ=YEARLY'))).toEqual([
      '2027-03-10T01:00 2027-03-10T02:00',
    ]);
  });

  it('takes both of two events that share a UID against the standard', () => {
    const first = event('DTSTART:20270310T010000Z', 'DTEND:20270310T020000Z');
    const second = event('DTSTART:20270311T010000Z', 'DTEND:20270311T020000Z');
    expect(read([...first, ...second])).toHaveLength(2);
  });

  it.each([
    ['a page', '<html>sign in</html>'],
    ['nothing', ''],
    [
      'a rule for each second',
      calendar(...event('DTSTART:19700101T000000Z', 'DURATION:PT1S', 'RRULE:FREQ=SECONDLY')),
    ],
    [
      'thousands of times',
      calendar(...event('DTSTART:20270101T000000Z', 'DURATION:PT1M', 'RRULE:FREQ=MINUTELY;INTERVAL=5')),
    ],
  ])('refuses %s', (_name, file) => {
    expect(() => readCalendar(file, { timeZone: 'UTC', ...window })).toThrow(CalendarProblem);
  });

  it('reads what it writes', () => {
    const period = {
      id: '6f1c2d3e-0000-4000-8000-000000000001',
      starts_at: '2027-03-10T01:00:00+00:00',
      ends_at: '2027-03-10T03:30:00+00:00',
      created_at: '2026-11-20T05:00:00+00:00',
    };
    const file = busyCalendar({ vehicle_id: period.id, periods: [period] });
    expect(readCalendar(file, { timeZone: 'Europe/Berlin', ...window })).toEqual([
      { starts_at: '2027-03-10T01:00:00.000Z', ends_at: '2027-03-10T03:30:00.000Z' },
    ]);
    expect(file).toContain('SUMMARY:Busy\r\n');
  });
});

describe('clocks that change', () => {
  it('takes the first of two equal times, and the offset before for one that is skipped', () => {
    const berlin = (text: string) =>
      new Date(wallClockToInstant(Date.parse(`${text}Z`), 'Europe/Berlin')).toISOString();
    expect(berlin('2027-10-31T02:30')).toBe('2027-10-31T00:30:00.000Z');
    expect(berlin('2027-03-28T02:30')).toBe('2027-03-28T01:30:00.000Z');
  });
});

describe('the address of a server', () => {
  it.each([
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.255.255',
    '2606:4700::1111',
    '2a00:1450:4001:800::200e',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '198.18.0.1',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    '2001:0:1::',
    '2001:db8::1',
    'ff02::1',
    '256.1.1.1',
    '1.2.3',
    'x',
    '',
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('fetching a calendar from a server that is not trusted', () => {
  let server: Server;
  let asked: { path: string; headers: Record<string, string | string[] | undefined> }[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = request.url ?? '';
      asked.push({ path, headers: request.headers });
      if (path === '/feed.ics' && request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else if (path === '/feed.ics')
        response
          .writeHead(200, { etag: '"v1"', 'last-modified': 'Fri, 01 Jan 2027 00:00:00 GMT' })
          .end(calendar());
      else if (path === '/moved') response.writeHead(302, { location: '/feed.ics' }).end();
      else if (path === '/loop') response.writeHead(302, { location: '/loop' }).end();
      else if (path === '/inside')
        response.writeHead(302, { location: 'https://inside.example/feed.ics' }).end();
      else if (path === '/plain')
        response.writeHead(302, { location: 'http://calendars.example/feed.ics' }).end();
      else if (path === '/large') response.writeHead(200).end('x'.repeat(3 * 1024 * 1024));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  // the name leads to a public address, and the request to the server of this test
  const names: Record<string, string[]> = {
    'calendars.example': ['93.184.215.14', '2606:2800:21f::1'],
    'inside.example': ['93.184.215.14', '10.0.0.5'],
  };
  const fetchCalendar = calendarFetcher({
    resolve: async (name) => names[name] ?? [],
    fetch: (address, init) => {
      const { pathname } = new URL(String(address));
      return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`, init);
    },
  });
  const ask = (url: string, more: Partial<CalendarPlace> = {}) => {
    asked = [];
    return fetchCalendar({ url, etag: null, lastModified: null, ...more });
  };

  it('reads a file, and not again while it has not changed', async () => {
    expect(await ask('https://calendars.example/feed.ics')).toMatchObject({
      kind: 'file',
      etag: '"v1"',
      lastModified: 'Fri, 01 Jan 2027 00:00:00 GMT',
    });
    expect(await ask('https://calendars.example/feed.ics', { etag: '"v1"' })).toEqual({ kind: 'unchanged' });
    expect(asked[0]?.headers).not.toHaveProperty('authorization');
  });

  it('follows a few redirects, and looks at each as at the first address', async () => {
    expect(await ask('https://calendars.example/moved')).toMatchObject({ kind: 'file' });
    expect(await ask('https://calendars.example/loop')).toEqual({
      kind: 'failed',
      problem: 'its server redirects too often',
    });
    expect(asked).toHaveLength(4);
    expect(await ask('https://calendars.example/inside')).toEqual({
      kind: 'failed',
      problem: 'its server is not on the public internet',
    });
    expect(await ask('https://calendars.example/plain')).toEqual({
      kind: 'failed',
      problem: 'its address does not begin with https',
    });
    expect(asked.map(({ path }) => path)).toEqual(['/plain']);
  });

  it('asks nothing of an address that is not https, named and public', async () => {
    const refused = [
      'http://calendars.example/feed.ics',
      'https://inside.example/feed.ics',
      'https://127.0.0.1/feed.ics',
      'https://2130706433/feed.ics',
      'https://[::1]/feed.ics',
      'https://calendars.example:8443/feed.ics',
      'https://me:secret@calendars.example/feed.ics',
      'https://nowhere.example/feed.ics',
      'file:///etc/passwd',
      'nonsense',
    ];
    for (const url of refused) {
      expect(await ask(url), url).toMatchObject({ kind: 'failed' });
      expect(asked).toEqual([]);
    }
  });

  it('says what was wrong with an answer', async () => {
    expect(await ask('https://calendars.example/gone')).toEqual({
      kind: 'failed',
      problem: 'its server answered 404',
    });
    expect(await ask('https://calendars.example/large')).toEqual({
      kind: 'failed',
      problem: 'it has more than 2 MB',
    });
  });
});
