import { createFileRoute } from '@tanstack/react-router';
import { orm } from '~/server/orm';

export const Route = createFileRoute('/health')({
  server: {
    handlers: {
      GET: async () => {
        const health = await orm.check();
        return Response.json(health, { status: health.ok ? 200 : 503 });
      },
    },
  },
});
