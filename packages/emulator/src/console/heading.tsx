import { useEffect, useRef } from 'preact/hooks';

let isFirst = true;

/** The heading of a view. A change of the view moves the focus to it, so that a screen reader reads it. */
export function Heading({ title }: { readonly title: string }) {
  const element = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} – AWS IoT emulator`;
    if (!isFirst) element.current?.focus();
    isFirst = false;
  }, [title]);
  return (
    <h1 ref={element} tabIndex={-1}>
      {title}
    </h1>
  );
}
