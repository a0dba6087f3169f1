import handler from '@tanstack/react-start/server-entry';
import { orm, withEm } from '~/server/orm';

await orm();
export default { fetch: withEm((request, options) => handler.fetch(request, options)) };
