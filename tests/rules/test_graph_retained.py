"""Graph retained: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import ErrorFact, Facts, ProgramFact
from torchladder.core.findings import Place, Severity
from torchladder.core.loop_facts import GraphFact, MemoryFact
from torchladder.rules.loop.graph_retained import graph_retained as rule_

AT = Place("t.py", 9)
STEPS = (10, 20, 40, 80)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(alive, error=None, **parts):
    fact = GraphFact(0, AT, STEPS[: len(alive)], alive, **parts)
    program = ProgramFact("crashed" if error else "ended", error=error)
    return rule_.judge(Facts(graphs=(fact,), program=program))


def test_graphs_in_number_with_the_steps_are_found_at_the_line_that_keeps():
    """The line that keeps comes before the backward call."""
    (found,) = judge((8, 18, 38, 78), kept=(Place("t.py", 12),))

    assert found.where == (Place("t.py", 12), AT)


def test_a_second_backward_pass_through_an_old_graph_is_an_error():
    """The program fails at its second step, and the model was given the first one's graph."""
    error = ErrorFact("RuntimeError", "Trying to backward through the graph a second time (...)", "", (AT,))
    (found,) = judge((), error=error, entry=Place("t.py", 5), entries=1)

    assert found.severity is Severity.ERROR
    assert found.where[0] == Place("t.py", 5)
    assert judge((), error=error) == []


def test_a_walk_that_grows_with_the_steps_is_found():
    """Every step differentiates through all steps before it."""
    assert judge((), walked=(10, 20, 30, 40, 50, 60, 70), ages=(0, 1, 2, 3, 4, 5, 6))


def test_silent_on_look_alikes():
    """No graph kept, a window of a few, one look, truncated backpropagation of constant length."""
    assert judge((0, 0, 0, 0)) == []
    assert judge((8, 12, 12, 12)) == []
    assert judge((0, 18, 0, 0)) == []
    assert judge((), walked=(10, 40, 40, 40, 40), ages=(0, 6, 6, 6, 6)) == []


def test_a_run_that_is_watched_tells_its_memory():
    """Bytes held at the looks, when they grew by something notable."""
    (found,) = judge((8, 18, 38, 78), memory=(int(5e8), int(5.2e8), int(5.4e8), int(6.4e8)))
    (still,) = judge((8, 18, 38, 78), memory=(int(5e8), int(5e8), int(5e8), int(5e8) + 4096))

    assert found.notes[-1] == "memory held: 500 MB at step 10, 640 MB at step 80: 2 MB a step"
    assert not any("memory" in note for note in still.notes)


def test_a_walk_that_stopped_growing_is_a_window():
    """Backward passes over the last thirty steps and no more."""
    assert judge((), walked=(10, 20, 30, 30), ages=(10, 20, 30, 30)) == []


def test_a_live_run_is_judged_without_knowing_how_the_program_ends():
    """There is no row about the program before it has ended."""
    fact = GraphFact(0, AT, STEPS, (8, 18, 38, 78))

    assert rule_.judge(Facts(graphs=(fact,)))


def test_a_later_window_is_judged_by_its_own_steps():
    """Eighty steps were marked, and most of their graphs live."""
    late = GraphFact(0, AT, (1010, 1020, 1040, 1080), (8, 18, 38, 77), since=1000)
    (found,) = rule_.judge(Facts(graphs=(late,)))

    assert found.seen[0].value == 77


def course(held, *, each=100, passes=1.0, room=None):
    """Looks at memory: bytes by look, steps and passes over the data between two looks."""
    n = len(held)
    steps = tuple(each * i for i in range(1, n + 1))
    return MemoryFact(steps, tuple(int(h) for h in held), tuple(int(passes * i) for i in range(n)), room)


def of_memory(*args, **kwargs):
    return rule_.judge(Facts(graphs=(), memory=course(*args, **kwargs)))


def test_memory_that_grows_evenly_for_many_passes_is_noted_with_its_pace():
    """No graph tells where: the pace, and when the machine is full."""
    (found,) = of_memory([1e9 + 10e6 * i for i in range(40)], room=int(100e9))

    assert found.severity is Severity.NOTE
    assert found.seen[0].value == "0.1 MB"
    assert found.seen[1].value == 1_000_000


def test_memory_that_fills_the_machine_before_long_is_a_warning():
    """There is room for as many steps as were made."""
    (found,) = of_memory([1e9 + 10e6 * i for i in range(40)], room=int(400e6))

    assert found.severity is Severity.WARNING


def test_memory_is_silent_on_look_alikes():
    """A cache of the first pass, a pool that fills slower and slower, a saw-tooth, a short run, one pass, little."""
    growing = [1e9 + 10e6 * i for i in range(40)]
    assert of_memory([min(h, 1.1e9) for h in growing]) == []
    assert of_memory([2e9 - 1e9 * 0.92**i for i in range(40)]) == []
    assert of_memory([1e9 + 1e8 * (i % 8) for i in range(40)]) == []
    assert of_memory(growing[:20]) == []
    assert of_memory(growing, passes=0.05, each=1000) == []
    assert of_memory(growing, passes=0, each=10) == []
    assert of_memory([1e9 + 1e6 * i for i in range(40)]) == []
