import { Fragment, Suspense, type ReactNode } from 'react';

// With `cacheComponents`, a page that waits for a request needs a Suspense boundary. Without it the page is better off with none:
// behind a boundary, `notFound()` and `redirect()` come too late for a status of 404 or 307.
const Boundary = process.env.CACHE_COMPONENTS === '1' ? Suspense : Fragment;

/** A page in a boundary of its own. One in the layout would keep the page before on the screen while the next one loads. */
export function withBoundary<Props extends object>(Page: (props: Props) => Promise<ReactNode>) {
  return function BoundPage(props: Props) {
    return (
      <Boundary>
        <Page {...props} />
      </Boundary>
    );
  };
}
