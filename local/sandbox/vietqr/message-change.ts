/** What banks do to the message of a transfer on its way. */
export const messageChanges = [
  'prefix',
  'plain',
  'no_spaces',
  'lower_case',
  'broken',
  'dotted',
  'doubled',
  'cut',
  'lost',
] as const;
export type MessageChange = (typeof messageChanges)[number];

function insert(text: string, at: readonly number[], what: string): string {
  return [...text].map((char, i) => (at.includes(i) ? what + char : char)).join('');
}

/** The message as the receiving bank reports it. `number` is the bank's own; some banks put it in front. */
export function changeMessage(message: string, how: MessageChange, number: number, account: string): string {
  switch (how) {
    case 'prefix':
      return `MBVCB.${number}.${message}.CT tu 0071000888888 NGUYEN VAN A toi ${account}`;
    case 'plain':
      return message;
    case 'no_spaces':
      return `CTDEN${number}NGUYENVANACHUYENTIEN${message.replaceAll(' ', '')}GDFT${number}`;
    case 'lower_case':
      return `${message} nguyen van a chuyen tien`.toLowerCase();
    case 'broken':
      // like a message that is wrapped at a column
      return `NGUYEN VAN A CHUYEN TIEN ${insert(message, [7], ' ')} FT${number}`;
    case 'dotted':
      return `${insert(message, [7, 11], '.')}-CHUYEN TIEN-${number}`;
    case 'doubled':
      return `${message} ${message}`;
    case 'cut':
      return `IBFT ${message.slice(0, 11)}`;
    case 'lost':
      return 'NGUYEN VAN A chuyen tien';
  }
}
