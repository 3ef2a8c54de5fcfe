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

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
  .test { background: #b45309; color: #fff; padding: .25rem .75rem; border-radius: .5rem; display: inline-block; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
  dd { margin: 0; overflow-wrap: anywhere; }
  form { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1.5rem 0; }
  button { font: inherit; padding: .6rem 1rem; border-radius: .5rem; border: 1px solid #8888; cursor: pointer; }
  button[value=success] { background: #15803d; color: #fff; }
  table { border-collapse: collapse; width: 100%; font-size: .875rem; }
  th { white-space: nowrap; }
  th, td { text-align: left; padding: .35rem .5rem; border-top: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere; }
  code { font-size: .8rem; overflow-wrap: anywhere; }
`;

/** A whole page. */
export function page(title: string, body: Html): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${style}</style>${body.text}</html>`;
}
