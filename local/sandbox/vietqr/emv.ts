// Reads transfer QR codes as a bank's app does. This code is not the code under test: a mistake that both sides
// share would otherwise stay hidden.
import { SandboxError } from '../answers.ts';

const table = Array.from({ length: 256 }, (_, byte) => {
  let value = byte * 256;
  for (let bit = 0; bit < 8; bit += 1) value = value >= 0x8000 ? (value * 2) ^ 0x11021 : value * 2;
  return value;
});

/** CRC-16/CCITT-FALSE, with a table. */
export function checksum(bytes: Uint8Array): number {
  let value = 0xffff;
  for (const byte of bytes) value = ((value & 0xff) << 8) ^ (table[(value >> 8) ^ byte] ?? 0);
  return value;
}

interface Field {
  id: string;
  value: string;
}

function split(text: string, where: string): Field[] {
  if (text === '') return [];
  const length = Number(text.slice(2, 4));
  const value = text.slice(4, 4 + length);
  if (!/^\d{4}/.test(text) || length === 0 || value.length < length) {
    throw new SandboxError('qr', `the QR code is malformed in ${where}: …${text.slice(0, 20)}`);
  }
  return [{ id: text.slice(0, 2), value }, ...split(text.slice(4 + length), where)];
}

function fieldValue(fields: readonly Field[], id: string, where: string): string {
  const found = fields.filter((field) => field.id === id);
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new SandboxError('qr', `${where} has ${found.length} fields ${id}`);
  }
  return only.value;
}

/** What an app shows after scanning. */
export interface Scanned {
  bankBin: string;
  accountNumber: string;
  /** Null when the payer chooses. */
  amount: number | null;
  message: string;
}

/** Reads a QR code for a transfer to an account. Throws an error that says why it cannot. */
export function scan(payload: string): Scanned {
  const qr = payload.trim();
  const root = split(qr, 'the root');
  if (root[0]?.id !== '00' || root[0].value !== '01') throw new SandboxError('qr', 'not a payment QR code');
  if (root.at(-1)?.id !== '63') throw new SandboxError('qr', 'the checksum is not at the end');
  const expected = checksum(Buffer.from(qr.slice(0, -4), 'utf8'));
  if (Number.parseInt(root.at(-1)?.value ?? '', 16) !== expected) {
    throw new SandboxError('qr', 'the checksum is wrong');
  }
  if (fieldValue(root, '53', 'the root') !== '704') throw new SandboxError('qr', 'not in VND');
  if (fieldValue(root, '58', 'the root') !== 'VN') throw new SandboxError('qr', 'not in Vietnam');
  const napas = split(fieldValue(root, '38', 'the root'), 'field 38');
  if (fieldValue(napas, '00', 'field 38') !== 'A000000727')
    throw new SandboxError('qr', 'not a QR code of NAPAS');
  if (fieldValue(napas, '02', 'field 38') !== 'QRIBFTTA') throw new SandboxError('qr', 'not to an account');
  const beneficiary = split(fieldValue(napas, '01', 'field 38'), 'field 38.01');
  const amount = root.find(({ id }) => id === '54')?.value;
  if (amount !== undefined && !/^[1-9]\d{0,12}$/.test(amount)) {
    throw new SandboxError('qr', 'the amount is malformed');
  }
  const additional = split(root.find(({ id }) => id === '62')?.value ?? '', 'field 62');
  return {
    bankBin: fieldValue(beneficiary, '00', 'field 38.01'),
    accountNumber: fieldValue(beneficiary, '01', 'field 38.01'),
    amount: amount === undefined ? null : Number(amount),
    message: additional.find(({ id }) => id === '08')?.value ?? '',
  };
}
