import type { Metadata } from 'next';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { NavLink } from '../components/nav-link';
import { Article, User } from '../lib/entities';
import { getEm } from '../lib/orm';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'Notebook', template: '%s · Notebook' },
  description: 'Next.js and MikroORM, with mikro-orm-web between them.',
};

export default async function RootLayout({ children }: { children: ReactNode }) {
  const em = await getEm();
  const [users, articles] = await Promise.all([em.count(User), em.count(Article)]);
  return (
    <html lang="en">
      <body>
        <header className="site-header">
          <nav aria-label="Main">
            <Link className="brand" href="/">
              Notebook
            </Link>
            <NavLink href="/articles">
              Articles <span className="count">{articles}</span>
            </NavLink>
            <NavLink href="/users">
              Users <span className="count">{users}</span>
            </NavLink>
          </nav>
        </header>
        <main>{children}</main>
      </body>
    </html>
  );
}
