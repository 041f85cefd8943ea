# Installs BUILD into a fresh prefix, builds this folder's project against it with CXX, and runs it all.
set(work ${BUILD}/install-test)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${code}\n${output}")
  endif()
endfunction()

set(model ${SOURCE}/tests/data/tiny.safetensors)
string(REPEAT "${SOURCE}/samples/roman-colosseum-small.png;" 9 photos)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/install -B ${work}/build -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${work}/prefix
    -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=Release -DEXAMPLES=${SOURCE}/examples)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/use_c ${model})
run(${work}/build/use_cpp ${model})
run(${work}/build/use_static ${model})
run(${work}/prefix/bin/compass --version)
# Pictures are read and written by a module that the installed command has to find.
run(${work}/prefix/bin/compass encode ${SOURCE}/samples/perched-osprey.png ${work}/photo.cmps --model ${model})
run(${work}/prefix/bin/compass decode ${work}/photo.cmps ${work}/photo.png --model ${model})
# The examples, on what the command makes, and what pkg-config says of both libraries; what symbols they show.
run(${PYTHON} -B ${SOURCE}/tests/install/check_installed.py ${work}/prefix ${work}/build ${model} ${SOURCE} ${NM} ${CXX})
# Filters are fitted by another, which the other command has to find.
run(${work}/prefix/bin/compass-lab fit ${model} ${work}/fitted.safetensors ${photos} --directions 0)
# And the model that nobody names is the installed one.
run(${CMAKE_COMMAND} -E env --unset=COMPASS_MODEL_PATH
    ${work}/prefix/bin/compass encode ${SOURCE}/samples/perched-osprey.png ${work}/unnamed.cmps)

# Who has pictures needs nothing of the lab's: that component alone has none of it, encodes and decodes, and its command
# holds nothing that only the lab needs. (What is looked for is found in the lab's, or this would say nothing.)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/pictures --component compass)
file(GLOB_RECURSE of_lab ${work}/pictures/*lab* ${work}/pictures/*fit*)
if(of_lab)
  message(FATAL_ERROR "installed without the lab, and yet there is ${of_lab}")
endif()
run(${work}/pictures/bin/compass encode ${SOURCE}/samples/perched-osprey.png ${work}/alone.cmps --model ${model})
run(${work}/pictures/bin/compass decode ${work}/alone.cmps ${work}/alone.png --model ${model})
# lab_parts(program variable): the libraries it needs and the symbols it has that are only the lab's.
function(lab_parts program variable)
  execute_process(COMMAND ${READELF} -d ${program} OUTPUT_VARIABLE needed COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${NM} -C ${program} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "libaom|compass::(eval|fit)::|Eigen::|aom_codec_|import_model|Checkpoint::" found
         "${needed}${symbols}")
  list(REMOVE_DUPLICATES found)
  set(${variable} "${found}" PARENT_SCOPE)
endfunction()
lab_parts(${work}/pictures/bin/compass in_compass)
lab_parts(${work}/prefix/bin/compass-lab in_lab)
if(in_compass)
  message(FATAL_ERROR "compass holds parts of the lab: ${in_compass}")
endif()
list(LENGTH in_lab count)
if(count LESS 5)
  message(FATAL_ERROR "compass-lab should hold more than ${in_lab}")
endif()

# Nothing installed says where it was built: neither search paths nor texts. (Assertions, where they are compiled, name
# their source; and a path of one part, as /compass, is part of others.)
if(BUILD_TYPE MATCHES "^(Release|MinSizeRel)$")
  foreach(place ${SOURCE} ${BUILD})
    if(place MATCHES "^/[^/]+$")
      continue()
    endif()
    execute_process(COMMAND grep -rlaF ${place} ${work}/prefix OUTPUT_VARIABLE found RESULT_VARIABLE code)
    if(NOT code EQUAL 1)
      message(FATAL_ERROR "${place} is in what was installed (${code}):\n${found}")
    endif()
  endforeach()
endif()
