import type { Metadata } from 'next';
import Link from 'next/link';
import { Fragment, Suspense, type ReactNode } from 'react';
import { Count } from '../components/count';
import { NavLink } from '../components/nav-link';
import { Article, User } from '../lib/entities';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'Notebook', template: '%s · Notebook' },
  description: 'Next.js and MikroORM, with mikro-orm-web between them.',
};

// With `cacheComponents`, pages that wait for a request need a Suspense boundary. Without it they are better off with none:
// behind a boundary, `notFound()` and `redirect()` come too late for a status of 404 or 307.
const Boundary = process.env.CACHE_COMPONENTS === '1' ? Suspense : Fragment;

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <header className="site-header">
          <nav aria-label="Main">
            <Link className="brand" href="/">
              Notebook
            </Link>
            <NavLink href="/articles">
              Articles <Count entity={Article} />
            </NavLink>
            <NavLink href="/users">
              Users <Count entity={User} />
            </NavLink>
          </nav>
        </header>
        <main>
          <Boundary>{children}</Boundary>
        </main>
      </body>
    </html>
  );
}
