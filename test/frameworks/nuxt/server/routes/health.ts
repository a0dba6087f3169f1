import { orm } from '~~/server/plugins/orm';

export default defineEventHandler(async event => {
  const health = await orm.check();
  setResponseStatus(event, health.ok ? 200 : 503);
  return health;
});
