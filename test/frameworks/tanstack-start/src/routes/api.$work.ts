import { createFileRoute } from '@tanstack/react-router';
import { before } from '~/server/before';
import { doWork } from '~/server/work';

export const Route = createFileRoute('/api/$work')({
  server: {
    handlers: {
      GET: async ({ params, request, context }) => {
        const nested = await Promise.resolve().then(() => context.em);
        const self = (path: string) => fetch(new URL(path, request.url));
        return Response.json(
          (await doWork(params.work, { em: context.em, before: before.get(request), nested, self })) ?? {},
        );
      },
    },
  },
});
