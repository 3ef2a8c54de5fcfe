// The QR code of a bank transfer: NAPAS's profile of EMVCo (QR Format, Terms & Conditions, 1.5.2). A field is
// two digits of id, two digits of length and a value, which may itself consist of fields.

/** The content of a transfer QR. */
export interface TransferQr {
  /** NAPAS's six digits of the bank. */
  bankBin: string;
  /** An account, or a card when `toCard`. */
  number: string;
  toCard: boolean;
  /** Whole đồng; null when the payer chooses. */
  amount: number | null;
  billNumber: string | null;
  /** The message of the transfer. */
  purpose: string | null;
}

const napas = 'A000000727';
const toAccountService = 'QRIBFTTA';
const toCardService = 'QRIBFTTC';
const printable = /^[\x20-\x7e]+$/;

/** CRC-16/CCITT-FALSE of ASCII text: four upper-case hex digits. */
export function crc16(text: string): string {
  let crc = 0xffff;
  for (let i = 0; i < text.length; i += 1) {
    crc ^= text.charCodeAt(i) << 8;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
    }
  }
  return crc.toString(16).toUpperCase().padStart(4, '0');
}

// A value that does not fit two digits of length would silently shift everything after it.
function field(id: string, value: string): string {
  if (value.length > 99 || !printable.test(value)) {
    throw new Error(`field ${id} of a QR code takes 1 to 99 printable ASCII characters`);
  }
  return `${id}${String(value.length).padStart(2, '0')}${value}`;
}

function optional(id: string, value: string | null): string {
  return value === null ? '' : field(id, value);
}

/** Writes a transfer QR. Throws for values that the format cannot carry. */
export function buildTransferQr(qr: TransferQr): string {
  const beneficiary = field('00', qr.bankBin) + field('01', qr.number);
  const account =
    field('00', napas) + field('01', beneficiary) + field('02', qr.toCard ? toCardService : toAccountService);
  const additional = optional('01', qr.billNumber) + optional('08', qr.purpose);
  const text = [
    field('00', '01'),
    // 12: good for one payment, 11: for any number
    field('01', qr.amount === null ? '11' : '12'),
    field('38', account),
    field('53', '704'),
    optional('54', qr.amount === null ? null : String(qr.amount)),
    field('58', 'VN'),
    additional === '' ? '' : field('62', additional),
    '6304',
  ].join('');
  return text + crc16(text);
}

/** The fields of one level. Null when they do not fill the text exactly, or when one comes twice. */
function readFields(text: string): Map<string, string> | null {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const head = /^(\d\d)(\d\d)$/.exec(text.slice(at, at + 4));
    const [, id = '', length = ''] = head ?? [];
    const value = text.slice(at + 4, at + 4 + Number(length));
    if (head === null || value.length !== Number(length) || value === '' || fields.has(id)) return null;
    fields.set(id, value);
    at += 4 + value.length;
  }
  return fields;
}

/**
 * Reads a transfer QR strictly: null for anything but a transfer in VND to a Vietnamese account with a right
 * checksum.
 */
export function parseTransferQr(payload: string): TransferQr | null {
  if (!printable.test(payload) || !payload.startsWith('000201')) return null;
  const checked = payload.slice(0, -4);
  // some banks write the checksum in lower case
  if (!checked.endsWith('6304') || payload.slice(-4).toUpperCase() !== crc16(checked)) return null;
  const root = readFields(payload);
  const account = readFields(root?.get('38') ?? '');
  const beneficiary = readFields(account?.get('01') ?? '');
  const additional = readFields(root?.get('62') ?? '');
  if (!root || !account || !beneficiary || !additional || [...root.keys()].at(-1) !== '63') return null;
  if (root.get('53') !== '704' || root.get('58') !== 'VN' || account.get('00') !== napas) return null;
  if (root.has('01') && !/^1[12]$/.test(root.get('01') ?? '')) return null;
  const service = account.get('02');
  if (service !== toAccountService && service !== toCardService) return null;
  const bankBin = beneficiary.get('00') ?? '';
  const number = beneficiary.get('01') ?? '';
  if (!/^\d{6}$/.test(bankBin) || !/^[A-Za-z0-9]{1,19}$/.test(number)) return null;
  const amount = root.get('54') ?? null;
  if (amount !== null && !/^[1-9]\d{0,12}$/.test(amount)) return null;
  return {
    bankBin,
    number,
    toCard: service === toCardService,
    amount: amount === null ? null : Number(amount),
    billNumber: additional.get('01') ?? null,
    purpose: additional.get('08') ?? null,
  };
}
