import { useText } from "../text/text";
import { useStore } from "./store";
import { useView } from "./view";

/** What is wrong with the pipeline; each leads to its step. */
export function Problems() {
  const text = useText();
  const store = useStore();
  const { problems } = useView();
  const all = [...problems.values()].flat();
  if (all.length === 0) return null;
  return (
    <section className="problems" aria-label={text("designer.problemsTitle")}>
      <ul>
        {all.map(({ step, parameter, input, message }, index) => {
          const place = [step, parameter ?? input].filter(Boolean).join(" · ");
          return (
            <li key={index}>
              {step === null
                ? message
                : (
                  <>
                    <button type="button" onClick={() => store.select([step])}>{place}</button> {message}
                  </>
                )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
