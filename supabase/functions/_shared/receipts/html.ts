const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** HTML that may be put into other HTML unchanged. */
export interface Html {
  readonly html: string;
}

type Value = Html | readonly Html[] | string | number | null;

function render(value: Value): string {
  if (value === null) return '';
  if (typeof value === 'string' || typeof value === 'number')
    return String(value).replace(/[&<>"']/g, (char) => entities[char] ?? char);
  return 'html' in value ? value.html : value.map((item) => item.html).join('');
}

/** Fills a template. Escapes every value that is not `Html` itself. Attribute values must be in quotes. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  return { html: parts.reduce((text, part, i) => text + render(values[i - 1] ?? null) + part) };
}
