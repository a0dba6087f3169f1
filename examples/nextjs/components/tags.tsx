import Link from 'next/link';

export function Tags({ names }: { names: string[] }) {
  if (names.length === 0) return null;
  return (
    <ul className="tags" aria-label="Tags">
      {names.map(name => (
        <li key={name}>
          <Link href={{ pathname: '/articles', query: { tag: name } }}>{name}</Link>
        </li>
      ))}
    </ul>
  );
}
