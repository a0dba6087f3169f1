'use client';

export default function ErrorPage({ retry }: { error: Error; retry: () => void }) {
  return (
    <>
      <h1>Something went wrong</h1>
      <p>It has been noted on the server.</p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </>
  );
}
