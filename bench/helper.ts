import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../local/config.ts';
import { StackError } from '../local/errors.ts';

const patienceMs = 600_000;

/** One more process of the bench, which answers every order: what serves and what is served do not share a thread. */
export class Helper {
  readonly #child: ChildProcess;

  constructor(file: string) {
    this.#child = fork(join(projectRoot, 'bench', file), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  tell(order: unknown): void {
    this.#child.send(order as object);
  }

  /** The next answer that has this key. */
  async answer<T>(key: string, order?: unknown): Promise<T> {
    const answer = new Promise<T>((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        this.#child.off('message', listen);
        this.#child.off('exit', ended);
      };
      const fail = (why: string) => {
        stop();
        reject(new StackError(`A process of the bench failed: ${why}`, 'The measurement has no result.'));
      };
      const listen = (message: Record<string, unknown>) => {
        if (typeof message.failed === 'string') return fail(message.failed);
        if (!(key in message)) return;
        stop();
        resolve(message[key] as T);
      };
      const ended = () => fail('it has ended');
      const timer = setTimeout(() => fail(`no "${key}" after ten minutes`), patienceMs);
      this.#child.on('message', listen);
      this.#child.on('exit', ended);
    });
    if (order !== undefined) this.tell(order);
    return answer;
  }

  end(): void {
    this.#child.kill();
  }
}
