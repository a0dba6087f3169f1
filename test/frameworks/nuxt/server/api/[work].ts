import { doWork } from '~~/server/work';

export default defineEventHandler(async event => {
  const { em } = event.context;
  const nested = await Promise.resolve().then(() => event.context.em);
  const self = (path: string) => event.fetch(path);
  return (
    (await doWork(getRouterParam(event, 'work') ?? '', { em, before: event.context['before'], nested, self })) ?? {}
  );
});
