import { deletedPersonPayload, filesToErase } from '../_shared/contracts/outbox.ts';
import { defer, done, effectOf } from './effect.ts';

/** Topic `delete_auth_user`: Auth forgets the addresses of a deleted account, which are then free for another one. */
export const deleteAuthUser = effectOf(
  'delete_auth_user',
  'nobody',
  deletedPersonPayload,
  async ({ user_id }, _item, { platform }) => {
    await platform.deleteUser(user_id);
    return done(null);
  },
);

// One call removes so many batches; then other rows get their turn.
const batches = 5;

/** Topic `erase_leftovers`: removes the bytes of a deleted account's files, and rows that came late. */
export const eraseLeftovers = effectOf(
  'erase_leftovers',
  'nobody',
  deletedPersonPayload,
  async ({ user_id }, _item, { service, platform }) => {
    let removed = 0;
    for (let batch = 0; batch < batches; batch += 1) {
      const files = await service.call('erase_leftovers', { user_id }, filesToErase);
      if (files.length === 0) return done(null, { removed });
      for (const { bucket, path } of files) await platform.objects.remove(bucket, path);
      removed += files.length;
    }
    return defer(1, 'more files are left', 'no_turn');
  },
);
