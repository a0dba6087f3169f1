import { createFileRoute } from '@tanstack/react-router';
import { createServerFn } from '@tanstack/react-start';
import { User } from '~/server/entities';
import type { Context } from '~/server/orm';

const countUsers = createServerFn().handler(({ context }) => (context as unknown as Context).em.count(User));

export const Route = createFileRoute('/page/')({
  loader: () => countUsers(),
  component: () => <p>{`users: ${Route.useLoaderData()}`}</p>,
});
