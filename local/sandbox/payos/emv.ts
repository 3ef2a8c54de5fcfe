// The text of a VietQR code, as NAPAS defines it.

const field = (id: string, value: string): string => `${id}${String(value.length).padStart(2, '0')}${value}`;

function crc16(text: string): string {
  let crc = 0xffff;
  for (const byte of Buffer.from(text, 'ascii')) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return (crc & 0xffff).toString(16).toUpperCase().padStart(4, '0');
}

/** What the QR code of a transfer shows. */
export function qrText(transfer: {
  bin: string;
  accountNumber: string;
  amount: number;
  description: string;
}): string {
  const account = field('00', transfer.bin) + field('01', transfer.accountNumber);
  const text = [
    field('00', '01'),
    field('01', '12'),
    field('38', field('00', 'A000000727') + field('01', account) + field('02', 'QRIBFTTA')),
    field('53', '704'),
    field('54', String(transfer.amount)),
    field('58', 'VN'),
    field('62', field('08', transfer.description)),
    '6304',
  ].join('');
  return text + crc16(text);
}
