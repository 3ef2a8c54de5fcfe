/**
 * Removes diacritics and special characters, which providers and banks refuse or cut off. đ has no
 * decomposition.
 */
export function plainText(text: string, maxLength: number): string {
  const ascii = text
    .replace(/đ/g, 'd')
    .replace(/Đ/g, 'D')
    .normalize('NFD')
    .replace(/[^A-Za-z0-9 .:-]/g, '');
  return ascii.slice(0, maxLength);
}
