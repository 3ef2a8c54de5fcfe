/** One row that was inserted into realtime.messages by a committed transaction. */
export interface MessageRow {
  id: string;
  topic: string;
  event: string;
  private: boolean;
  encoding: 'json' | 'binary';
  /** JSON text, or the bytes of `binary_payload`. */
  body: Buffer;
}

/** What a message of the replication stream means for us. */
export type StreamEvent = MessageRow | 'commit' | null;

const wanted = ['id', 'topic', 'event', 'private', 'payload', 'binary_payload'] as const;
type Column = (typeof wanted)[number];

/**
 * Decodes PostgreSQL's logical replication messages (`pgoutput`, protocol 1) as far as needed. A row on a topic
 * without subscribers costs two short strings: its payload is not read.
 */
export class MessageDecoder {
  readonly #relations = new Map<number, (Column | null)[]>();
  readonly #isWanted: (topic: string, isPrivate: boolean) => boolean;

  constructor(isWanted: (topic: string, isPrivate: boolean) => boolean) {
    this.#isWanted = isWanted;
  }

  decode(data: Buffer): StreamEvent {
    switch (data[0]) {
      case 0x43: // C
        return 'commit';
      case 0x52: // R
        this.#relation(data);
        return null;
      case 0x49: // I
        return this.#insert(data);
      default:
        return null;
    }
  }

  /** Relation: oid, schema, table, replica identity, then per column flags, name, type, modifier. */
  #relation(data: Buffer): void {
    const oid = data.readUInt32BE(1);
    const schema = readText(data, 5);
    const table = readText(data, schema.next);
    const count = data.readInt16BE(table.next + 1);
    let offset = table.next + 3;
    const columns: (Column | null)[] = [];
    for (let index = 0; index < count; index++) {
      const name = readText(data, offset + 1);
      columns.push(wanted.find((column) => column === name.text) ?? null);
      offset = name.next + 8;
    }
    const isMessages = schema.text === 'realtime' && table.text.startsWith('messages');
    this.#relations.set(oid, isMessages ? columns : []);
  }

  /** Insert: oid, 'N', column count, then per column a kind and, for text, a length and the value. */
  #insert(data: Buffer): MessageRow | null {
    const columns = this.#relations.get(data.readUInt32BE(1));
    if (!columns || columns.length === 0) return null;
    const values: Partial<Record<Column, Buffer>> = {};
    const count = data.readInt16BE(6);
    let offset = 8;
    for (let index = 0; index < count; index++) {
      const kind = data[offset++];
      if (kind !== 0x74) continue;
      const length = data.readInt32BE(offset);
      const column = columns[index];
      if (column) values[column] = data.subarray(offset + 4, offset + 4 + length);
      offset += 4 + length;
    }
    return this.#row(values);
  }

  #row({ id, topic, event, private: flag, payload, binary_payload }: Partial<Record<Column, Buffer>>) {
    const body = payload ?? binary_payload;
    if (!id || !topic || !event || !flag || !body) return null;
    const name = topic.toString('utf8');
    const isPrivate = flag[0] === 0x74;
    if (!this.#isWanted(name, isPrivate)) return null;
    return {
      id: id.toString('utf8'),
      topic: name,
      event: event.toString('utf8'),
      private: isPrivate,
      encoding: payload ? ('json' as const) : ('binary' as const),
      // bytea arrives as text: \x and two digits per byte.
      body: payload ?? Buffer.from(body.toString('latin1', 2), 'hex'),
    };
  }
}

function readText(data: Buffer, start: number): { text: string; next: number } {
  const end = data.indexOf(0, start);
  return { text: data.toString('utf8', start, end), next: end + 1 };
}
