'use client';

import ErrorPage from './error';
import './globals.css';

/** Shown instead of the layout, which reads, too: when the database is down, for example. */
export default function GlobalError(props: { error: Error; retry: () => void }) {
  return (
    <html lang="en">
      <head>
        <title>Something went wrong</title>
      </head>
      <body>
        <main>
          <ErrorPage {...props} />
        </main>
      </body>
    </html>
  );
}
