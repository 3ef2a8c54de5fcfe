const field = (id: string, value: string): string => `${id}${String(value.length).padStart(2, '0')}${value}`;

function crc16(text: string): string {
  let crc = 0xffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc.toString(16).toUpperCase().padStart(4, '0');
}

/** The content of ZaloPay's QR code of an order: an EMV text that the apps of banks read too. */
export function qrText(amount: number, token: string): string {
  const merchant = field('00', 'vn.zalopay') + field('02', token.slice(0, 24));
  const body = [
    field('00', '01'),
    field('01', '12'),
    field('26', merchant),
    field('52', '7399'),
    field('53', '704'),
    field('54', String(amount)),
    field('58', 'VN'),
    '6304',
  ].join('');
  return body + crc16(body);
}
