import type { ReactNode } from 'react';
import { Outlet } from 'react-router';
import { remember } from '~/before.server';
import { withEm } from '~/orm.server';

export const middleware = [withEm, remember];

export function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <head>
        <title>Users</title>
      </head>
      <body>{children}</body>
    </html>
  );
}

export default function App() {
  return <Outlet />;
}

export function ErrorBoundary() {
  return <p>That did not work.</p>;
}
