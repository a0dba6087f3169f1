import { createFileRoute } from '@tanstack/react-router';
import { createServerFn } from '@tanstack/react-start';
import type { Context } from '~/server/orm';
import { doWork } from '~/server/work';

const fail = createServerFn()
  .validator((work: string) => work)
  .handler(async ({ context, data }) => {
    await doWork(data, { em: (context as unknown as Context).em, self: path => fetch(path) });
  });

export const Route = createFileRoute('/page/$work')({
  loader: ({ params }) => fail({ data: params.work }),
  component: () => <p>never shown</p>,
});
