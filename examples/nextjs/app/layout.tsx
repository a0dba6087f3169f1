import type { Metadata } from 'next';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { Count } from '../components/count';
import { NavLink } from '../components/nav-link';
import { Article, User } from '../lib/entities';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'Notebook', template: '%s · Notebook' },
  description: 'Next.js and MikroORM, with mikro-orm-web between them.',
};

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
        <main>{children}</main>
      </body>
    </html>
  );
}
