import { createFileRoute } from '@tanstack/react-router';
import { rows } from '~/server/work';

export const Route = createFileRoute('/stream')({
  server: { handlers: { GET: ({ context }) => new Response(rows(context.em)) } },
});
