import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeMessage, messageChanges } from '../../local/sandbox/vietqr/message-change.ts';
import { dayOf, referenceIn } from '../../supabase/functions/_shared/payments/vietqr/reference.ts';

const ours = 'J26112100000042';
const other = 'J26112100000043';

describe('a reference', () => {
  it.each([
    ['alone', ours],
    [
      'behind the prefix of a bank',
      `MBVCB.3278907687.174242.${ours}.CT tu 0071000888888 NGUYEN VAN A toi 28349817`,
    ],
    ['after "CT DEN"', `CT DEN:520 ${ours} TU MB`],
    ['with all spaces lost', `CTDEN0987654321NGUYENVANA${ours}GDFT24255276428461`],
    ['glued to a number before it', `3278907687${ours}`],
    ['in lower case', `${ours.toLowerCase()} nguyen van a chuyen tien`],
    ['before a number', `${ours} 0987654321`],
    ['before a date', `${ours}-211126-12:30:22 884114`],
    ['before a dot and a number', `IBFT ${ours}.20261121`],
    ['broken by a space', 'J261121 00000042 chuyen tien'],
    ['broken by a space in its number', 'chuyen tien J261121000 00042'],
    ['broken by a dot', 'J2611.2100000042'],
    ['broken by a line', 'J26112100\r\n000042'],
    ['typed in groups', 'J 261121 0000 0042'],
    ['typed with dashes', 'J-26-11-21-00000042'],
    ['broken, before a number', 'J261121 00000042 0987654321'],
    ['said twice', `${ours} ${ours.toLowerCase()}`],
    ['next to another J', `THI J ${ours} JSC`],
  ])('is found %s', (_what, content) => {
    expect(referenceIn(content)).toBe(ours);
  });

  it('is found in the second text, and in both', () => {
    expect(referenceIn('chuyen tien', ours)).toBe(ours);
    expect(referenceIn(`thanh toan ${ours}`, ours)).toBe(ours);
  });

  it.each([
    ['nothing', ''],
    ['no reference', 'NGUYEN VAN A chuyen tien mua iphone'],
    ['one cut off', 'IBFT J26112100000'],
    ['one with a digit too many', 'J261121000000421'],
    ['one glued to a number behind it', `${ours}0987654321`],
    ['one without its J', '26112100000042'],
    ['one with a letter in it', 'J2611210000OO42'],
    ['a day that does not exist', 'J26023000000042'],
    ['a month that does not exist', 'J26132100000042'],
    ['digits of day zero', 'J26110000000042'],
    ['two different ones', `${ours} ${other}`],
    ['two different ones, one of them broken', `${ours} J261121 00000043`],
    // the payer lost digits, and what follows is a word of its own
    ['one that lost two zeros before "02 ngay"', 'J261121000042 02 ngay'],
    ['one that lost its last digit before "2 nguoi"', 'J2611210000004 2 nguoi'],
    ['single digits', 'J 2 6 1 1 2 1 0 0 0 0 0 0 4 2'],
    ['five pieces', 'J 26 11 21 00 000042'],
    ['pieces far apart', 'J261121 chuyen 00000042'],
    ['digits of other scripts', 'J２６１１２１０００００042'],
  ])('is not found in %s', (_what, content) => {
    expect(referenceIn(content)).toBeNull();
  });

  it('is not found when the two texts name different ones', () => {
    expect(referenceIn(ours, other)).toBeNull();
  });

  it('survives what banks do to it or is lost, and never becomes another reference', () => {
    const readable = messageChanges.filter((how) => how !== 'cut' && how !== 'lost');
    for (const how of readable)
      expect(referenceIn(changeMessage(ours, how, 3_278_907_687, '0123456789'))).toBe(ours);
    expect(referenceIn(changeMessage(ours, 'cut', 3_278_907_687, '0123456789'))).toBeNull();
    expect(referenceIn(changeMessage(ours, 'lost', 3_278_907_687, '0123456789'))).toBeNull();
  });

  const day = fc
    .date({ min: new Date('2026-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(2, 10).replaceAll('-', ''));
  const reference = fc
    .tuple(day, fc.integer({ min: 1, max: 99_999_999 }))
    .map(([yymmdd, number]) => `J${yymmdd}${String(number).padStart(8, '0')}`);
  const words = fc.stringMatching(/^[A-IK-Za-ik-z .]{0,30}$/);

  it('is found among any words, in any case, broken anywhere but near its end', () => {
    fc.assert(
      fc.property(
        reference,
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom('', ' ', '.', '-', '  '),
        words,
        words,
        fc.boolean(),
        (one, at, gap, before, after, small) => {
          const broken = one.slice(0, at) + gap + one.slice(at);
          const text = `${before}${small ? broken.toLowerCase() : broken}${after}`;
          expect(referenceIn(text)).toBe(one);
        },
      ),
    );
  });

  it('is never made from one that lost a digit, unless more than two digits follow it', () => {
    fc.assert(
      fc.property(
        reference,
        fc.integer({ min: 1, max: 14 }),
        fc.constantFrom(' ', '.', '-', ''),
        fc.stringMatching(/^(\d{1,2})?$/),
        words,
        (one, at, gap, token, after) => {
          const short = one.slice(0, at) + one.slice(at + 1);
          // glued to it, the digit may be the lost one
          fc.pre(gap !== '' || token.length !== 1);
          expect(referenceIn(`${short}${gap}${token} ${after}`)).toBeNull();
        },
      ),
    );
  });

  it('is never found in two that differ', () => {
    fc.assert(
      fc.property(reference, reference, words, (one, two, between) => {
        fc.pre(one !== two);
        expect(referenceIn(`${one} ${between} ${two}`)).toBeNull();
      }),
    );
  });

  it('is searched fast in long texts that almost contain one', () => {
    const text = `${'J2611 '.repeat(20_000)}${'J'.repeat(20_000)}J${'1 '.repeat(20_000)}`;
    const begun = performance.now();
    expect(referenceIn(text)).toBeNull();
    expect(performance.now() - begun).toBeLessThan(30_000);
  });
});

describe('the day of a reference', () => {
  it('is the one it was made on', () => {
    expect(new Date(dayOf(ours)).toISOString()).toBe('2026-11-21T00:00:00.000Z');
  });

  it.each(['', 'SAME1', 'J2611210000004', 'J26133100000042', 'j26112100000042', ` ${ours}`])(
    'is unknown for %j, which could not be found in a transfer',
    (text) => {
      expect(() => dayOf(text)).toThrow('no reference');
    },
  );
});
