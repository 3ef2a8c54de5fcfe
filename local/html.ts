const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text escaped for HTML content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

/** HTML that may be put into other HTML unchanged. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Fills a template. Escapes every value that is not `Html` itself. */
export function html(parts: TemplateStringsArray, ...values: (Html | Html[] | string | number)[]): Html {
  const render = (value: Html | Html[] | string | number): string => {
    if (value instanceof Html) return value.text;
    if (Array.isArray(value)) return value.map((item) => item.text).join('');
    return escapeHtml(String(value));
  };
  return new Html(parts.reduce((text, part, i) => text + render(values[i - 1] ?? '') + part));
}

const vietnam = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Asia/Ho_Chi_Minh',
  ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
});

/** A time as mails and notifications write it: `09:30 21/11/2026`, in Vietnam. */
export function when(instant: number | string): string {
  const parts = vietnam.formatToParts(new Date(instant));
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('hour')}:${part('minute')} ${part('day')}/${part('month')}/${part('year')}`;
}

/** Money as people in Vietnam write it: `1.500.000 VND`. */
export function money(amount: number): string {
  return `${amount.toLocaleString('de-DE')} VND`;
}

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 1rem auto; padding: 0 1rem; }
  .test { background: #b45309; color: #fff; padding: .25rem .75rem; border-radius: .5rem; display: inline-block; }
  .dim { opacity: .7; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
  dd, h1 { margin: 0; overflow-wrap: anywhere; }
  form { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1.5rem 0; }
  td form { margin: .5rem 0; }
  button { font: inherit; padding: .6rem 1rem; border-radius: .5rem; border: 1px solid #8888; cursor: pointer; }
  button[value=success] { background: #15803d; color: #fff; }
  input, select { font: inherit; max-width: 100%; box-sizing: border-box; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; font-size: .875rem; }
  th, td { text-align: left; padding: .35rem .5rem; border-top: 1px solid #8884; vertical-align: top; }
  th, td.whole { white-space: nowrap; }
  td ol, td ul { margin: 0; padding-left: 1.25rem; min-width: 14rem; }
  code, pre { font-size: .8rem; overflow-wrap: anywhere; white-space: pre-wrap; }
  ul.cards { list-style: none; padding: 0; }
  ul.cards li { border-top: 1px solid #8884; padding: .5rem 0; overflow-wrap: anywhere; }
  iframe { width: 100%; height: 32rem; border: 1px solid #8884; background: #fff; color-scheme: light; }
`;

/** A whole page. With `refreshSeconds` it loads itself anew. */
export function page(title: string, body: Html, refreshSeconds?: number): string {
  const refresh =
    refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${refresh}<title>${escapeHtml(title)}</title><style>${style}</style>${body.text}</html>`;
}
