import type { EntityName } from '@mikro-orm/core';
import { Suspense } from 'react';
import { getEm } from '../lib/orm';

/** How many there are: streams into the page when it is known, so that no page waits for it. */
export function Count({ entity }: { entity: EntityName<object> }) {
  return (
    <span className="count">
      <Suspense fallback="…">
        <Counted entity={entity} />
      </Suspense>
    </span>
  );
}

async function Counted({ entity }: { entity: EntityName<object> }) {
  const em = await getEm();
  return em.count(entity);
}
