import { randomInt } from 'node:crypto';

/** A mobile number of Vietnam in E.164 form. Not every series after +849 is given out, so not any digits make a number. */
export const anyMobile = (): string => `+8491${String(randomInt(10_000_000)).padStart(7, '0')}`;
