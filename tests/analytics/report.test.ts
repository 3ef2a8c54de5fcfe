import { afterAll, describe, expect, it } from 'vitest';
import { admin, closeSql, ok, person, refusal, sql } from '../support/world.ts';

afterAll(closeSql);

describe('admin.analytics', () => {
  it('answers figures of days and a report to staff, and makes figures again', async () => {
    const boss = await admin();
    const { analytics } = boss.journey.admin;
    const [zone] = await sql<{ today: string }>('select private.report_day()::text as today');
    const days = { fromDay: zone?.today ?? '', toDay: zone?.today ?? '' };
    expect(await ok(analytics.rebuild(days))).toBeGreaterThan(0);
    const signups = await ok(analytics.days({ ...days, metrics: ['signups'] }));
    expect(signups).toMatchObject([{ day: days.fromDay, metric: 'signups', dimension: '', unit: 'count' }]);
    expect((await ok(analytics.metrics())).find(({ name }) => name === 'gmv')).toMatchObject({
      unit: 'money',
    });
    const report = await ok(analytics.report(days));
    expect(report).toMatchObject({ from_day: days.fromDay, time_zone: 'Asia/Ho_Chi_Minh' });
    expect(report.totals.signups?.['']).toBeGreaterThan(0);
    expect(report.bookings.made).toBeGreaterThanOrEqual(report.bookings.confirmed);
    expect(report.now.listings).toBeGreaterThanOrEqual(0);
    expect(await refusal(analytics.days({ ...days, metrics: ['no_such'] }))).toBe('invalid_input');
    expect(await refusal((await person()).journey.admin.analytics.report(days))).toBe('forbidden');
  });
});
