'use client';

import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { Suspense, type ReactNode } from 'react';

type Props = { href: string; children: ReactNode };

/** A link that is marked on the pages below it; plain for as long as the path is not known, with `cacheComponents`. */
export function NavLink(props: Props) {
  return (
    <Suspense fallback={<Link {...props} />}>
      <MarkedLink {...props} />
    </Suspense>
  );
}

function MarkedLink({ href, children }: Props) {
  const current = usePathname().startsWith(href);
  return (
    <Link href={href} aria-current={current ? 'page' : undefined}>
      {children}
    </Link>
  );
}
