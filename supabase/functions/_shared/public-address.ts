const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Blocks of IPv4 that no public server has (RFC 6890): first address, length of the prefix. */
const reserved: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

function numberOf(address: string): number | null {
  const match = v4.exec(address);
  if (!match) return null;
  const bytes = match.slice(1).map(Number);
  if (bytes.some((byte) => byte > 255)) return null;
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}

/** The eight groups of an IPv6 address, or null. */
function groupsOf(address: string): number[] | null {
  if (!/^[0-9a-f:]+$/i.test(address)) return null;
  const [head = '', tail, ...more] = address.split('::');
  if (more.length > 0) return null;
  const read = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const first = read(head);
  const last = tail === undefined ? [] : read(tail);
  const missing = 8 - first.length - last.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...first, ...Array<number>(tail === undefined ? 0 : missing).fill(0), ...last];
  return groups.every((group) => group >= 0 && group <= 0xffff) ? groups : null;
}

/**
 * Whether an address is one of the public internet. Everything else is refused: what belongs to a machine, a local network
 * or a cloud's inside, what leads to such addresses through a translation, and what is no address.
 */
export function isPublicAddress(address: string): boolean {
  const number = numberOf(address);
  if (number !== null) {
    return !reserved.some(([first, prefix]) => {
      const size = 2 ** (32 - prefix);
      return Math.floor(number / size) === Math.floor((numberOf(first) ?? 0) / size);
    });
  }
  const groups = groupsOf(address);
  if (groups === null) return false;
  const [first = 0, second = 0] = groups;
  // 2000::/3 is what is given out; in it are Teredo, documentation and 6to4, which hold other addresses or none
  if (first < 0x2000 || first > 0x3fff || first === 0x2002) return false;
  return !(first === 0x2001 && (second < 0x0200 || second === 0x0db8));
}
